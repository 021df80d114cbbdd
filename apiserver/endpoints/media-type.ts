/**
 * What the client wants to get (`Accept`) and what it sent (`Content-Type`): JSON or YAML, the object
 * itself or another shape of it (`;as=Table;v=v1;g=meta.k8s.io`).
 */
import { notAcceptable, unsupportedMediaType } from '../../pkg/apimachinery/status.js';

export type Encoding = 'json' | 'yaml';
export type Shape = 'object' | 'Table' | 'PartialObjectMetadata';

export interface Accepted {
  readonly encoding: Encoding;
  readonly shape: Shape;
}

export const JSON_TYPE = 'application/json';
export const YAML_TYPE = 'application/yaml';
/** Read only. */
const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
/** What this server reads and writes. */
export const SERVED_TYPES = [JSON_TYPE, YAML_TYPE] as const;

const PLAIN: Accepted = { encoding: 'json', shape: 'object' };

interface MediaRange {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** The best that the client takes; 406 when that is nothing. `shapes` is false where only the object itself makes sense. */
export function negotiate(accept: string | undefined, shapes = true): Accepted {
  if (accept === undefined || accept === '' || accept === JSON_TYPE || accept === '*/*')
    return PLAIN;
  for (const range of parseRanges(accept)) {
    const encoding = encodingOf(range.type);
    if (!encoding || range.quality === 0) continue;
    const shape = shapeOf(range.parameters);
    if (!shape || (shape !== 'object' && !shapes)) continue;
    return { encoding, shape };
  }
  throw notAcceptable(SERVED_TYPES);
}

/** The encoding of a request's body; an absent type is JSON. */
export function contentEncoding(contentType: string | undefined): Encoding {
  const type = mediaType(contentType);
  if (type === '') return 'json';
  const encoding = encodingOf(type);
  if (!encoding || type.includes('*')) throw unsupportedMediaType(SERVED_TYPES);
  return encoding;
}

/** A body may also come as protobuf, from clients that know the kind; answers are JSON or YAML. */
export function isProtobuf(contentType: string | undefined): boolean {
  return mediaType(contentType) === PROTOBUF_TYPE;
}

/** Without parameters, in lower case. */
export function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function encodingOf(type: string): Encoding | undefined {
  switch (type) {
    case JSON_TYPE:
    case 'application/*':
    case '*/*':
      return 'json';
    case YAML_TYPE:
      return 'yaml';
    default:
      return undefined;
  }
}

function shapeOf(parameters: ReadonlyMap<string, string>): Shape | undefined {
  const as = parameters.get('as');
  if (as === undefined) return 'object';
  if (parameters.get('g') !== 'meta.k8s.io') return undefined;
  const version = parameters.get('v');
  if (version !== 'v1' && version !== 'v1beta1') return undefined;
  if (as === 'Table') return 'Table';
  return as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList'
    ? 'PartialObjectMetadata'
    : undefined;
}

/** By quality, then in the order given. */
function parseRanges(accept: string): MediaRange[] {
  const ranges = accept.split(',').map((part) => {
    const [type = '', ...rest] = part.split(';').map((s) => s.trim());
    const parameters = new Map<string, string>();
    for (const parameter of rest) {
      const equals = parameter.indexOf('=');
      if (equals > 0)
        parameters.set(parameter.slice(0, equals).toLowerCase(), parameter.slice(equals + 1));
    }
    const quality = Number(parameters.get('q') ?? 1);
    return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 0 : quality };
  });
  return ranges.sort((a, b) => b.quality - a.quality);
}
