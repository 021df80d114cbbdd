/** Reads the heads of the stream's frames, refusing what has the wrong type. */
import { type Frame, isObject } from '../../pkg/etcd-client/frame.js';
import { invalidArgument, requestTooLarge } from '../errors.js';
import type { CompareRequest, Comparison, OpRequest, TxnRequest } from '../mvcc/request.js';

/** etcd's `--max-request-bytes` default. */
export const MAX_REQUEST_BYTES = 1.5 * 1024 * 1024;

const LEASE = /^-?\d{1,19}$/;

export class FrameReader {
  constructor(private readonly fields: Record<string, unknown>) {}

  has(name: string): boolean {
    return this.fields[name] !== undefined;
  }

  optionalText(name: string): string | undefined {
    const value = this.fields[name];
    if (value === undefined || typeof value === 'string') return value;
    throw invalidArgument(`${name} is not a string`);
  }

  text(name: string): string {
    return this.optionalText(name) ?? '';
  }

  optionalNumber(name: string): number | undefined {
    const value = this.fields[name];
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    throw invalidArgument(`${name} is not an integer`);
  }

  number(name: string): number {
    return this.optionalNumber(name) ?? 0;
  }

  flag(name: string): boolean {
    const value = this.fields[name];
    if (value === undefined) return false;
    if (typeof value === 'boolean') return value;
    throw invalidArgument(`${name} is not a boolean`);
  }

  /** '0' when absent. */
  optionalLease(name: string): string {
    const value = this.optionalText(name) ?? '0';
    if (!LEASE.test(value)) throw invalidArgument(`${name} is not a lease id`);
    return value;
  }

  list(name: string): FrameReader[] {
    const value = this.fields[name] ?? [];
    if (!Array.isArray(value)) throw invalidArgument(`${name} is not a list`);
    return value.map((item: unknown) => {
      if (!isObject(item)) throw invalidArgument(`${name} has an entry that is not an object`);
      return new FrameReader(item);
    });
  }
}

export function readTxn(frame: Frame): TxnRequest {
  if (frame.body.length > MAX_REQUEST_BYTES) throw requestTooLarge();
  const head = new FrameReader(frame.head);
  let offset = 0;
  const take = (size: number): Buffer => {
    if (size < 0 || offset + size > frame.body.length)
      throw invalidArgument('a value is cut short');
    offset += size;
    return frame.body.subarray(offset - size, offset);
  };
  return {
    compare: head.list('cmp').map((item) => readCompare(item, take)),
    success: head.list('then').map((item) => readOp(item, take)),
    failure: head.list('else').map((item) => readOp(item, take)),
  };
}

function readCompare(input: FrameReader, take: (size: number) => Buffer): CompareRequest {
  const key = input.text('key');
  const rangeEnd = input.optionalText('end');
  const result = readComparison(input.text('result'));
  const target = input.text('target');
  switch (target) {
    case 'version':
    case 'create':
    case 'mod':
      return { key, rangeEnd, result, target, operand: input.number('operand') };
    case 'lease':
      return { key, rangeEnd, result, target, operand: input.optionalLease('operand') };
    case 'value':
      return { key, rangeEnd, result, target, operand: take(input.number('operand')) };
    default:
      throw invalidArgument(`unknown compare target ${JSON.stringify(target)}`);
  }
}

function readComparison(text: string): Comparison {
  if (text === '=' || text === '!=' || text === '<' || text === '>') return text;
  throw invalidArgument(`unknown comparison ${JSON.stringify(text)}`);
}

function readOp(input: FrameReader, take: (size: number) => Buffer): OpRequest {
  if (input.has('put')) {
    return {
      type: 'put',
      key: input.text('put'),
      value: take(input.number('size')),
      lease: input.optionalLease('lease'),
      prevKv: input.flag('prev'),
    };
  }
  if (input.has('del')) {
    return {
      type: 'delete',
      key: input.text('del'),
      rangeEnd: input.optionalText('end'),
      prevKv: input.flag('prev'),
    };
  }
  if (input.has('get')) {
    return {
      type: 'range',
      key: input.text('get'),
      rangeEnd: input.optionalText('end'),
      revision: input.optionalNumber('rev'),
      limit: input.optionalNumber('limit'),
    };
  }
  throw invalidArgument('an operation is neither put, del nor get');
}
