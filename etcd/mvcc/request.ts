/**
 * What can be asked of the store: etcd's kv messages with byte strings for keys, Buffers for values and
 * numbers for revisions. Both servers decode into these; `check` in `check-request.ts` refuses what etcd
 * refuses.
 */

export type SortTarget = 'key' | 'version' | 'create' | 'mod' | 'value';

export interface RangeRequest {
  readonly key: string;
  /** Absent: one key. '\0': all keys from `key` on. */
  readonly rangeEnd?: string | undefined;
  readonly revision?: number | undefined;
  readonly limit?: number | undefined;
  readonly keysOnly?: boolean | undefined;
  readonly countOnly?: boolean | undefined;
  readonly sort?: { readonly target: SortTarget; readonly descending: boolean } | undefined;
  readonly minMod?: number | undefined;
  readonly maxMod?: number | undefined;
  readonly minCreate?: number | undefined;
  readonly maxCreate?: number | undefined;
}

export interface PutRequest {
  readonly key: string;
  readonly value: Buffer;
  /** '0' or absent: none. */
  readonly lease?: string | undefined;
  readonly prevKv?: boolean | undefined;
  readonly ignoreValue?: boolean | undefined;
  readonly ignoreLease?: boolean | undefined;
}

export interface DeleteRangeRequest {
  readonly key: string;
  readonly rangeEnd?: string | undefined;
  readonly prevKv?: boolean | undefined;
}

export type Comparison = '=' | '!=' | '<' | '>';

export type CompareTarget =
  | { readonly target: 'version' | 'create' | 'mod'; readonly operand: number }
  | { readonly target: 'lease'; readonly operand: string }
  | { readonly target: 'value'; readonly operand: Buffer };

export type CompareRequest = CompareTarget & {
  readonly key: string;
  readonly rangeEnd?: string | undefined;
  readonly result: Comparison;
};

export type OpRequest =
  | ({ readonly type: 'range' } & RangeRequest)
  | ({ readonly type: 'put' } & PutRequest)
  | ({ readonly type: 'delete' } & DeleteRangeRequest)
  | ({ readonly type: 'txn' } & TxnRequest);

export interface TxnRequest {
  readonly compare: readonly CompareRequest[];
  readonly success: readonly OpRequest[];
  readonly failure: readonly OpRequest[];
}

/** Records are in the layout of kv-record.ts. */
export interface RangeResponse {
  readonly revision: number;
  readonly records: readonly Buffer[];
  readonly count: number;
  readonly more: boolean;
}

export type OpResponse =
  | {
      readonly type: 'range';
      readonly records: readonly Buffer[];
      readonly count: number;
      readonly more: boolean;
    }
  | { readonly type: 'put'; readonly prev: Buffer | undefined }
  | { readonly type: 'delete'; readonly deleted: number; readonly prevs: readonly Buffer[] }
  | {
      readonly type: 'txn';
      readonly succeeded: boolean;
      readonly responses: readonly OpResponse[];
    };

export interface TxnResponse {
  readonly revision: number;
  readonly succeeded: boolean;
  readonly responses: readonly OpResponse[];
}

/** As etcd reads a range end: undefined is one key, '\0' is everything behind. */
export function endOf(key: string, rangeEnd: string | undefined): string | undefined {
  if (rangeEnd === undefined || rangeEnd === '') return `${key}\0`;
  return rangeEnd === '\0' ? undefined : rangeEnd;
}
