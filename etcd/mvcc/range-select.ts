/**
 * Which records a range answers with. `locate` walks the index; what only the records themselves can
 * tell (filters, sorting) is done by `selectRecords` once they are loaded. The count is that of the
 * keys in the range, whatever filter and limit leave over, as etcd counts.
 */
import {
  recordCreate,
  recordKey,
  recordMod,
  recordValue,
  recordVersion,
  withoutValue,
} from '../../pkg/etcd-client/kv-record.js';
import type { KeyIndex } from './key-index.js';
import { endOf, type RangeRequest } from './request.js';

export interface Located {
  readonly key: string;
  readonly main: number;
  readonly sub: number;
}

export interface Selected {
  readonly records: readonly Buffer[];
  readonly count: number;
  readonly more: boolean;
}

export function locate(
  index: KeyIndex,
  request: RangeRequest,
  revision: number,
): { found: Located[]; count: number } {
  const found: Located[] = [];
  let count = 0;
  const most = request.countOnly ? 0 : needsAll(request) ? Infinity : request.limit || Infinity;
  if (request.rangeEnd === undefined || request.rangeEnd === '') {
    const at = index.get(request.key)?.find(revision);
    if (at && most > 0) found.push({ key: request.key, ...at });
    return { found, count: at ? 1 : 0 };
  }
  index.ascend(request.key, endOf(request.key, request.rangeEnd), (entry) => {
    const at = entry.find(revision);
    if (at) {
      count++;
      if (found.length < most) found.push({ key: entry.key, main: at.main, sub: at.sub });
    }
    return true;
  });
  return { found, count };
}

export function selectRecords(request: RangeRequest, all: Buffer[], count: number): Selected {
  if (request.countOnly) return { records: [], count, more: false };
  let records = all;
  if (needsAll(request)) {
    records = records.filter((record) => passes(request, record));
    const { sort } = request;
    if (sort) {
      const order = ORDERS[sort.target];
      records.sort(sort.descending ? (a, b) => order(b, a) : order);
    }
  }
  const limit = request.limit || Infinity;
  const more = needsAll(request) ? records.length > limit : count > limit;
  if (records.length > limit) records = records.slice(0, limit);
  return { records: request.keysOnly ? records.map(withoutValue) : records, count, more };
}

/** Filters and sorting look at more than the first `limit` keys. */
function needsAll(request: RangeRequest): boolean {
  const { sort, minMod, maxMod, minCreate, maxCreate } = request;
  const sorted = sort !== undefined && (sort.target !== 'key' || sort.descending);
  return sorted || Boolean(minMod || maxMod || minCreate || maxCreate);
}

function passes(request: RangeRequest, record: Buffer): boolean {
  const mod = recordMod(record);
  const create = recordCreate(record);
  return (
    mod >= (request.minMod || 0) &&
    mod <= (request.maxMod || Infinity) &&
    create >= (request.minCreate || 0) &&
    create <= (request.maxCreate || Infinity)
  );
}

const ORDERS = {
  key: (a: Buffer, b: Buffer) => {
    const left = recordKey(a);
    const right = recordKey(b);
    return left < right ? -1 : left > right ? 1 : 0;
  },
  version: (a: Buffer, b: Buffer) => recordVersion(a) - recordVersion(b),
  create: (a: Buffer, b: Buffer) => recordCreate(a) - recordCreate(b),
  mod: (a: Buffer, b: Buffer) => recordMod(a) - recordMod(b),
  value: (a: Buffer, b: Buffer) => Buffer.compare(recordValue(a), recordValue(b)),
};
