/**
 * The events of a watch stream, for every form that a client may ask for: lines of JSON,
 * `{"type":"ADDED","object":{…}}`; or, in protobuf, a length in four bytes and a message
 * `WatchEvent { 1 type, 2 object { 1 raw } }`, whose raw bytes are the object in its envelope.
 */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { Status } from '../../pkg/apimachinery/status.js';
import type { EventType } from '../storage/watch-history.js';
import type { Accepted } from './media-type.js';
import { encodeValue, protobufOf } from './respond.js';
import type { ServedView } from './served-view.js';
import {
  columnDefinitions,
  type IncludeObject,
  partialMetadata,
  table,
  tableRow,
} from './table.js';
import type { EventEncoder } from './watch-hub.js';

const OPEN: Readonly<Record<EventType, Buffer>> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
};
const CLOSE = Buffer.from('}\n');

export interface WatchEncoder {
  readonly event: EventEncoder;
  bookmark(resourceVersion: string, initialEventsEnd: boolean): Buffer;
  error(status: Status): Buffer;
  /**
   * Names the form; watches of the same form share their bytes. Absent where events depend on those before:
   * a table has its columns in the first.
   */
  readonly form?: string;
}

/** `include` is for tables. */
export function watchEncoder(
  view: ServedView,
  accepted: Accepted,
  include: IncludeObject,
  now: () => number,
): WatchEncoder {
  const { shape, encoding, metaVersion } = accepted;
  const encode = encoding === 'protobuf' ? protobufEvent : jsonEvent;
  const common = (shapeOf: (obj: KubeObject) => KubeObject) => ({
    bookmark: (resourceVersion: string, end: boolean) =>
      encode('BOOKMARK', shapeOf(bookmarkObject(view, resourceVersion, end))),
    error: (status: Status) => encode('ERROR', status),
  });
  if (shape === 'object') {
    const form = `${encoding} ${view.apiVersion}`;
    return {
      ...common((obj) => obj),
      form,
      event: encoding === 'protobuf' ? protobufEvents(view) : jsonEvents(view),
    };
  }
  let columns: readonly object[] | null = columnDefinitions(view.definition);
  const shapeOf = (obj: KubeObject): KubeObject => {
    if (shape !== 'Table') return partialMetadata(obj, metaVersion);
    const rows = [tableRow(view.definition, obj, include, now(), metaVersion)];
    const metadata = { resourceVersion: obj.metadata?.resourceVersion ?? '' };
    const shown = table(columns, rows, metadata, metaVersion);
    columns = null;
    return shown;
  };
  return {
    ...common(shapeOf),
    event: (type, object) => [encode(type, shapeOf(view.of(object).object))],
    ...(shape === 'Table' ? {} : { form: `${encoding} metadata ${metaVersion}` }),
  };
}

function jsonEvents(view: ServedView): EventEncoder {
  return (type, object) => {
    const line = view.of(object).line;
    return [OPEN[type], line.subarray(0, line.length - 1), CLOSE];
  };
}

function protobufEvents(view: ServedView): EventEncoder {
  return (type, object) => {
    const { bytes } = protobufOf(view.of(object));
    return [protobufHead(type, bytes.length), bytes];
  };
}

function jsonEvent(type: string, object: KubeObject): Buffer {
  return Buffer.from(`${JSON.stringify({ type, object })}\n`);
}

function protobufEvent(type: string, object: KubeObject): Buffer {
  const bytes = encodeValue(object, 'protobuf', false);
  return Buffer.concat([protobufHead(type, bytes.length), bytes]);
}

/** All of an event in front of the object's bytes. */
function protobufHead(type: string, length: number): Buffer {
  const raw = [0x0a, ...varint(length)];
  const head = [
    0x0a,
    type.length,
    ...Buffer.from(type),
    0x12,
    ...varint(raw.length + length),
    ...raw,
  ];
  const framed = Buffer.from([0, 0, 0, 0, ...head]);
  framed.writeUInt32BE(head.length + length);
  return framed;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return bytes;
}

function bookmarkObject(view: ServedView, resourceVersion: string, initialEventsEnd: boolean) {
  return {
    kind: view.definition.kind,
    apiVersion: view.apiVersion,
    metadata: {
      resourceVersion,
      ...(initialEventsEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {}),
    },
  };
}
