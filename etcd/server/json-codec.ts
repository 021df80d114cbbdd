/**
 * etcd's JSON shapes, as its gateway has them: 64-bit numbers as text, bytes in base64, snake_case names
 * out, snake_case or camelCase in, zero values left out.
 */
import { isObject } from '../../pkg/etcd-client/frame.js';
import {
  recordCreate,
  recordIsDelete,
  recordKey,
  recordLease,
  recordMod,
  recordValue,
  recordVersion,
} from '../../pkg/etcd-client/kv-record.js';
import { invalidArgument } from '../errors.js';
import type {
  CompareRequest,
  Comparison,
  DeleteRangeRequest,
  OpRequest,
  OpResponse,
  PutRequest,
  RangeRequest,
  SortTarget,
  TxnRequest,
} from '../mvcc/request.js';

const INTEGER = /^-?\d{1,20}$/;

/** Reads one message, refusing what has the wrong type. */
export class JsonReader {
  private readonly fields: Record<string, unknown>;
  constructor(message: unknown) {
    if (message === undefined || message === null) this.fields = {};
    else if (isObject(message)) this.fields = message;
    else throw invalidArgument('json: the message is not an object');
  }

  private raw(name: string): unknown {
    const value = this.fields[name];
    if (value !== undefined) return value;
    return this.fields[name.replace(/_(\w)/g, (_all, letter: string) => letter.toUpperCase())];
  }

  has(name: string): boolean {
    const value = this.raw(name);
    return value !== undefined && value !== null;
  }

  text(name: string): string {
    const value = this.raw(name) ?? '';
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    throw invalidArgument(`json: ${name} is not a string`);
  }

  bytes(name: string): Buffer {
    return Buffer.from(this.text(name), 'base64');
  }

  byteString(name: string): string {
    return this.bytes(name).toString('latin1');
  }

  /** A 64-bit number as text, '0' when absent. */
  int64(name: string): string {
    const text = this.text(name) || '0';
    if (!INTEGER.test(text)) throw invalidArgument(`json: ${name} is not an integer`);
    return BigInt(text).toString();
  }

  number(name: string): number {
    return Number(this.int64(name));
  }

  flag(name: string): boolean {
    const value = this.raw(name) ?? false;
    if (typeof value !== 'boolean') throw invalidArgument(`json: ${name} is not a boolean`);
    return value;
  }

  message(name: string): JsonReader {
    return new JsonReader(this.raw(name));
  }

  list(name: string): JsonReader[] {
    const value = this.raw(name) ?? [];
    if (!Array.isArray(value)) throw invalidArgument(`json: ${name} is not a list`);
    return value.map((item: unknown) => new JsonReader(item));
  }

  /** A list of enum names or numbers, as text. */
  strings(name: string): string[] {
    const value = this.raw(name) ?? [];
    if (!Array.isArray(value)) throw invalidArgument(`json: ${name} is not a list`);
    return value.map((item: unknown) => String(item));
  }

  /** An enum's name or number. */
  enumeration(name: string, names: readonly string[]): string {
    const value = this.raw(name) ?? 0;
    const found = typeof value === 'number' ? names[value] : names.find((known) => known === value);
    if (found === undefined) throw invalidArgument(`json: unknown value for enum ${name}`);
    return found;
  }
}

const SORT_TARGETS: Record<string, SortTarget> = {
  KEY: 'key',
  VERSION: 'version',
  CREATE: 'create',
  MOD: 'mod',
  VALUE: 'value',
};
const COMPARISONS: Record<string, Comparison> = {
  EQUAL: '=',
  GREATER: '>',
  LESS: '<',
  NOT_EQUAL: '!=',
};

export function readRange(input: JsonReader): RangeRequest {
  const order = input.enumeration('sort_order', ['NONE', 'ASCEND', 'DESCEND']);
  const target = SORT_TARGETS[input.enumeration('sort_target', Object.keys(SORT_TARGETS))] ?? 'key';
  const sorted = order !== 'NONE' || target !== 'key';
  return {
    key: input.byteString('key'),
    rangeEnd: input.byteString('range_end'),
    revision: input.number('revision'),
    limit: input.number('limit'),
    keysOnly: input.flag('keys_only'),
    countOnly: input.flag('count_only'),
    sort: sorted ? { target, descending: order === 'DESCEND' } : undefined,
    minMod: input.number('min_mod_revision'),
    maxMod: input.number('max_mod_revision'),
    minCreate: input.number('min_create_revision'),
    maxCreate: input.number('max_create_revision'),
  };
}

export function readPut(input: JsonReader): PutRequest {
  return {
    key: input.byteString('key'),
    value: input.bytes('value'),
    lease: input.int64('lease'),
    prevKv: input.flag('prev_kv'),
    ignoreValue: input.flag('ignore_value'),
    ignoreLease: input.flag('ignore_lease'),
  };
}

export function readDeleteRange(input: JsonReader): DeleteRangeRequest {
  const [key, rangeEnd] = [input.byteString('key'), input.byteString('range_end')];
  return { key, rangeEnd, prevKv: input.flag('prev_kv') };
}

export function readTxn(input: JsonReader): TxnRequest {
  return {
    compare: input.list('compare').map(readCompare),
    success: input.list('success').map(readOp),
    failure: input.list('failure').map(readOp),
  };
}

function readCompare(input: JsonReader): CompareRequest {
  const key = input.byteString('key');
  const rangeEnd = input.byteString('range_end');
  const result = COMPARISONS[input.enumeration('result', Object.keys(COMPARISONS))] ?? '=';
  const base = { key, rangeEnd, result };
  switch (input.enumeration('target', ['VERSION', 'CREATE', 'MOD', 'VALUE', 'LEASE'])) {
    case 'VERSION':
      return { ...base, target: 'version', operand: input.number('version') };
    case 'CREATE':
      return { ...base, target: 'create', operand: input.number('create_revision') };
    case 'MOD':
      return { ...base, target: 'mod', operand: input.number('mod_revision') };
    case 'VALUE':
      return { ...base, target: 'value', operand: input.bytes('value') };
    default:
      return { ...base, target: 'lease', operand: input.int64('lease') };
  }
}

function readOp(input: JsonReader): OpRequest {
  if (input.has('request_range')) {
    return { type: 'range', ...readRange(input.message('request_range')) };
  }
  if (input.has('request_put')) return { type: 'put', ...readPut(input.message('request_put')) };
  if (input.has('request_delete_range')) {
    return { type: 'delete', ...readDeleteRange(input.message('request_delete_range')) };
  }
  if (input.has('request_txn')) return { type: 'txn', ...readTxn(input.message('request_txn')) };
  throw invalidArgument('etcdserver: key not found');
}

export function writeKeyValue(record: Buffer): object {
  const key = Buffer.from(recordKey(record), 'latin1').toString('base64');
  if (recordIsDelete(record)) return { key, mod_revision: String(recordMod(record)) };
  const value = recordValue(record);
  const lease = recordLease(record);
  return {
    key,
    create_revision: String(recordCreate(record)),
    mod_revision: String(recordMod(record)),
    version: String(recordVersion(record)),
    ...(value.length > 0 && { value: value.toString('base64') }),
    ...(lease !== '0' && { lease }),
  };
}

export function writeRange(range: { records: readonly Buffer[]; count: number; more: boolean }) {
  return {
    ...(range.records.length > 0 && { kvs: range.records.map(writeKeyValue) }),
    ...(range.more && { more: true }),
    ...(range.count > 0 && { count: String(range.count) }),
  };
}

export function writeDelete(response: { deleted: number; prevs: readonly Buffer[] }): object {
  return {
    ...(response.deleted > 0 && { deleted: String(response.deleted) }),
    ...(response.prevs.length > 0 && { prev_kvs: response.prevs.map(writeKeyValue) }),
  };
}

export function writePut(prev: Buffer | undefined): object {
  return prev ? { prev_kv: writeKeyValue(prev) } : {};
}

export function writeTxn(
  response: { succeeded: boolean; responses: readonly OpResponse[] },
  header: object,
): object {
  const responses = response.responses.map((op) => writeResponse(op, header));
  return {
    ...(response.succeeded && { succeeded: true }),
    ...(responses.length > 0 && { responses }),
  };
}

function writeResponse(op: OpResponse, header: object): object {
  switch (op.type) {
    case 'range':
      return { response_range: { header, ...writeRange(op) } };
    case 'put':
      return { response_put: { header, ...writePut(op.prev) } };
    case 'delete':
      return { response_delete_range: { header, ...writeDelete(op) } };
    case 'txn':
      return { response_txn: { header, ...writeTxn(op, header) } };
  }
}
