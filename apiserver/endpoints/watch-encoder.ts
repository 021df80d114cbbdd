/** The lines of a watch stream: `{"type":"ADDED","object":{…}}` for every shape that a client may ask for. */
import { stringify } from 'yaml';
import type { Status } from '../../pkg/apimachinery/status.js';
import type { EventType } from '../storage/watch-history.js';
import type { Accepted } from './media-type.js';
import { YAML_OPTIONS } from './respond.js';
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
}

/** `include` is for tables. A table's encoder remembers that it has sent the columns: one for each stream. */
export function watchEncoder(
  view: ServedView,
  accepted: Accepted,
  include: IncludeObject,
  now: () => number,
): WatchEncoder {
  const { shape, encoding } = accepted;
  if (encoding === 'json' && shape === 'object') return jsonEncoder(view);
  let columns: readonly object[] | null = columnDefinitions(view.definition);
  const shapeOf = (obj: import('../../pkg/apimachinery/meta.js').KubeObject): unknown => {
    if (shape === 'object') return obj;
    if (shape === 'PartialObjectMetadata') return partialMetadata(obj);
    const shown = table(columns, [tableRow(view.definition, obj, include, now())], {
      resourceVersion: obj.metadata?.resourceVersion ?? '',
    });
    columns = null;
    return shown;
  };
  const encode = (type: string, object: unknown): Buffer =>
    Buffer.from(
      encoding === 'yaml'
        ? `---\n${stringify({ type, object }, YAML_OPTIONS)}`
        : `${JSON.stringify({ type, object })}\n`,
    );
  return {
    event: (type, object) => [encode(type, shapeOf(view.of(object).object))],
    bookmark: (resourceVersion, end) =>
      encode('BOOKMARK', shapeOf(bookmarkObject(view, resourceVersion, end))),
    error: (status) => encode('ERROR', status),
  };
}

function jsonEncoder(view: ServedView): WatchEncoder {
  return {
    event: (type, object) => {
      const line = view.of(object).line;
      return [OPEN[type], line.subarray(0, line.length - 1), CLOSE];
    },
    bookmark: (resourceVersion, end) =>
      Buffer.from(
        `${JSON.stringify({ type: 'BOOKMARK', object: bookmarkObject(view, resourceVersion, end) })}\n`,
      ),
    error: (status) => Buffer.from(`${JSON.stringify({ type: 'ERROR', object: status })}\n`),
  };
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
