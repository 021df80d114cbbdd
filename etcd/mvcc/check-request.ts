/**
 * What etcd refuses before it looks at any key
 * (https://github.com/etcd-io/etcd/blob/main/server/etcdserver/api/v3rpc/key.go): missing keys, a value
 * that was asked to be ignored, too many operations, two changes of one key in one transaction. Both
 * branches of a transaction are checked, whichever would run.
 */
import { duplicateKey, emptyKey, leaseProvided, tooManyOps, valueProvided } from '../errors.js';
import {
  type DeleteRangeRequest,
  endOf,
  type OpRequest,
  type PutRequest,
  type RangeRequest,
  type TxnRequest,
} from './request.js';

/** etcd's `--max-txn-ops` default. */
const MAX_TXN_OPS = 128;

export function checkRange(request: RangeRequest): void {
  if (request.key === '') throw emptyKey();
}

export function checkPut(request: PutRequest): void {
  if (request.key === '') throw emptyKey();
  if (request.ignoreValue && request.value.length > 0) throw valueProvided();
  if (request.ignoreLease && (request.lease ?? '0') !== '0') throw leaseProvided();
}

export function checkDeleteRange(request: DeleteRangeRequest): void {
  if (request.key === '') throw emptyKey();
}

export function checkTxn(request: TxnRequest, maxOps = MAX_TXN_OPS): void {
  const most = Math.max(request.compare.length, request.success.length, request.failure.length);
  if (most > maxOps) throw tooManyOps();
  for (const compare of request.compare) if (compare.key === '') throw emptyKey();
  for (const branch of [request.success, request.failure]) {
    for (const op of branch) checkOp(op, maxOps - most);
    // One change can not meet another; only what is left is worth the sets.
    if (branch.length > 1) checkBranch(branch);
  }
}

function checkOp(op: OpRequest, opsLeft: number): void {
  switch (op.type) {
    case 'range':
      checkRange(op);
      break;
    case 'put':
      checkPut(op);
      break;
    case 'delete':
      checkDeleteRange(op);
      break;
    case 'txn':
      checkTxn(op, opsLeft);
      break;
  }
}

interface Changes {
  readonly puts: ReadonlySet<string>;
  readonly deletes: readonly { readonly key: string; readonly end: string | undefined }[];
}

/** Refuses puts of one key twice, or a put inside a deletion, in what may run together. */
function checkBranch(branch: readonly OpRequest[]): Changes {
  const puts = new Set<string>();
  const deletes: { key: string; end: string | undefined }[] = [];
  for (const op of branch) {
    if (op.type === 'delete') deletes.push({ key: op.key, end: endOf(op.key, op.rangeEnd) });
  }
  const overlaps = (key: string, ranges: Changes['deletes']) =>
    ranges.some((range) => key >= range.key && (range.end === undefined || key < range.end));
  for (const op of branch) {
    if (op.type === 'put') {
      if (puts.has(op.key) || overlaps(op.key, deletes)) throw duplicateKey();
      puts.add(op.key);
    }
  }
  for (const op of branch) {
    if (op.type !== 'txn') continue;
    // Only one of the two branches runs, so they may repeat each other.
    const nested = [checkBranch(op.success), checkBranch(op.failure)];
    for (const { puts: nestedPuts, deletes: nestedDeletes } of nested) {
      for (const key of nestedPuts) {
        if (puts.has(key) || overlaps(key, deletes)) throw duplicateKey();
      }
      for (const key of puts) if (overlaps(key, nestedDeletes)) throw duplicateKey();
    }
    for (const { puts: nestedPuts, deletes: nestedDeletes } of nested) {
      for (const key of nestedPuts) puts.add(key);
      deletes.push(...nestedDeletes);
    }
  }
  return { puts, deletes };
}
