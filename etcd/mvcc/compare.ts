/**
 * A transaction's conditions. A key that does not exist has version, create and mod revision and lease 0;
 * its value equals nothing and differs from nothing. Over a range, the condition must hold for each key in
 * it; an empty range counts as one absent key.
 */
import { recordValue } from '../../pkg/etcd-client/kv-record.js';
import type { FoundRevision, KeyEntry, KeyIndex } from './key-index.js';
import { type CompareRequest, type Comparison, endOf } from './request.js';

export function compareHolds(
  compare: CompareRequest,
  index: KeyIndex,
  load: (entry: KeyEntry, found: FoundRevision) => Buffer | undefined,
): boolean {
  const holds = (entry: KeyEntry | undefined) => {
    const live = entry?.live;
    const found = live ? entry?.find(Number.MAX_SAFE_INTEGER) : undefined;
    switch (compare.target) {
      case 'version':
        return satisfies((live?.version ?? 0) - compare.operand, compare.result);
      case 'create':
        return satisfies((live?.created ?? 0) - compare.operand, compare.result);
      case 'mod':
        return satisfies((found?.main ?? 0) - compare.operand, compare.result);
      case 'lease': {
        const difference = BigInt(entry?.lease ?? '0') - BigInt(compare.operand);
        return satisfies(difference < 0n ? -1 : difference > 0n ? 1 : 0, compare.result);
      }
      case 'value': {
        const record = entry && found ? load(entry, found) : undefined;
        if (!record) return false;
        return satisfies(Buffer.compare(recordValue(record), compare.operand), compare.result);
      }
    }
  };
  if (compare.rangeEnd === undefined || compare.rangeEnd === '') {
    return holds(index.get(compare.key));
  }
  let all = true;
  let any = false;
  index.ascend(compare.key, endOf(compare.key, compare.rangeEnd), (entry) => {
    if (!entry.live) return true;
    any = true;
    all = holds(entry);
    return all;
  });
  return any ? all : holds(undefined);
}

function satisfies(difference: number, result: Comparison): boolean {
  switch (result) {
    case '=':
      return difference === 0;
    case '!=':
      return difference !== 0;
    case '<':
      return difference < 0;
    case '>':
      return difference > 0;
  }
}
