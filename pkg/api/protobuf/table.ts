/** What is known of protobuf messages: numbers, names and types of fields, by the definition's OpenAPI name. */

export type ScalarCode = 'string' | 'bytes' | 'int' | 'bool' | 'double';

export interface ProtobufField {
  readonly number: number;
  /** As in JSON. */
  readonly name: string;
  readonly type: ScalarCode | { readonly message: string };
  readonly repeated?: boolean;
  /** From string to `type`. */
  readonly map?: boolean;
  /** No pointer in Go: it is always on the wire, and its zero value means that it is absent. */
  readonly plain?: boolean;
  /** An embedded struct of Go: JSON has its fields in the place of the message. */
  readonly inline?: boolean;
}

/** Fields by ascending number. */
export type FieldTable = Readonly<Record<string, readonly ProtobufField[]>>;

let loading: Promise<FieldTable> | undefined;

/** Loaded by the first who needs it: most clients speak JSON. */
export function loadFieldTable(): Promise<FieldTable> {
  loading ??= import('../generated/protobuf.js').then(({ FIELDS }) => JSON.parse(FIELDS));
  return loading;
}
