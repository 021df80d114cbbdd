/**
 * What the client wants to get (`Accept`) and what it sent (`Content-Type`): JSON, YAML or protobuf, the
 * object itself or another shape of it (`;as=Table;v=v1;g=meta.k8s.io`). The rules are those of upstream's
 * `negotiation` package, with its odd corners: clauses are ordered by its comparison, `q=0` is no refusal,
 * and of an Accept that names several things the first that is served counts.
 *
 * CBOR is behind a feature gate that is off in v1.35: it is refused like any unknown type.
 */
import { notAcceptable, unsupportedMediaType } from '../../pkg/apimachinery/status.js';

export type Encoding = 'json' | 'yaml' | 'protobuf';
export type Shape = 'object' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';

export interface Accepted {
  readonly encoding: Encoding;
  readonly shape: Shape;
  /** Of `meta.k8s.io`, for the shapes that are of it. */
  readonly metaVersion: 'v1' | 'v1beta1';
  /** `;pretty=1` */
  readonly pretty: boolean;
}

/** What an endpoint can do. */
export interface Offer {
  /** Tables and partial metadata. */
  readonly shapes: boolean;
  /** False: of what is answered there are no rows. */
  readonly table?: boolean;
  /** A custom kind has no messages of its own: protobuf is there for its metadata alone. */
  readonly custom?: boolean;
}

export const JSON_TYPE = 'application/json';
export const YAML_TYPE = 'application/yaml';
const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
/** What this server reads and writes, in the order in which wildcards mean them. */
export const SERVED_TYPES = [JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE] as const;
const STREAMED_TYPES = [`${JSON_TYPE};stream=watch`, `${PROTOBUF_TYPE};stream=watch`];
const ENCODINGS: readonly Encoding[] = ['json', 'yaml', 'protobuf'];

export const PLAIN: Accepted = {
  encoding: 'json',
  shape: 'object',
  metaVersion: 'v1',
  pretty: false,
};
const RESOURCE: Offer = { shapes: true };

interface Clause {
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
  readonly parameters: ReadonlyMap<string, string>;
}

/** The best that the client takes; 406 when that is nothing. */
export function negotiate(accept: string | undefined, offer: Offer = RESOURCE): Accepted {
  if (accept === undefined || accept === '' || accept === JSON_TYPE || accept === '*/*')
    return PLAIN;
  for (const clause of parseAccept(accept)) {
    for (const encoding of ENCODINGS) {
      if (!covers(clause, typeOf(encoding))) continue;
      const accepted = acceptable(clause.parameters, encoding, offer);
      if (accepted) return accepted;
    }
  }
  throw notAcceptable(SERVED_TYPES);
}

/** The same for a watch, which has no form in YAML. */
export function negotiateStream(accept: string | undefined, offer: Offer = RESOURCE): Accepted {
  const accepted = negotiate(accept, offer);
  if (accepted.encoding === 'yaml') throw notAcceptable(STREAMED_TYPES);
  return accepted;
}

export function contentTypeOf(encoding: Encoding): string {
  return typeOf(encoding);
}

/** Watches in JSON do not say that they are. */
export function streamTypeOf(encoding: Encoding): string {
  return encoding === 'json' ? JSON_TYPE : `${typeOf(encoding)};stream=watch`;
}

/** The encoding of a request's body; an absent type is JSON. */
export function contentEncoding(contentType: string | undefined): Encoding {
  const type = mediaType(contentType);
  if (type === '') return 'json';
  const encoding = ENCODINGS.find((each) => typeOf(each) === type);
  if (!encoding) throw unsupportedMediaType(SERVED_TYPES);
  return encoding;
}

/** Without parameters, in lower case. */
export function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function typeOf(encoding: Encoding): string {
  return encoding === 'json' ? JSON_TYPE : encoding === 'yaml' ? YAML_TYPE : PROTOBUF_TYPE;
}

function covers({ type, subtype }: Clause, served: string): boolean {
  if (type === '*') return subtype === '*';
  return type === 'application' && (subtype === '*' || `${type}/${subtype}` === served);
}

/** Undefined where the parameters ask for what is not there. */
function acceptable(
  parameters: ReadonlyMap<string, string>,
  encoding: Encoding,
  { shapes, table = true, custom = false }: Offer,
): Accepted | undefined {
  const stream = parameters.get('stream') ?? '';
  if (stream !== '' && (stream !== 'watch' || encoding === 'yaml')) return undefined;
  const serverVersion = parameters.get('sv') ?? '';
  if (serverVersion !== '' && !(shapes && serverVersion === 'v1')) return undefined;
  const pretty = parameters.get('pretty') === '1';
  if (!parameters.has('as') && !parameters.has('g') && !parameters.has('v')) {
    if (custom && encoding === 'protobuf') return undefined;
    return { encoding, shape: 'object', metaVersion: 'v1', pretty };
  }
  const shape = shapeOf(parameters.get('as'));
  const metaVersion = parameters.get('v');
  if (!shapes || !shape || parameters.get('g') !== 'meta.k8s.io') return undefined;
  if (metaVersion !== 'v1' && metaVersion !== 'v1beta1') return undefined;
  // Rows hold any value, which no message can.
  if (shape === 'Table' && (!table || encoding === 'protobuf')) return undefined;
  return { encoding, shape, metaVersion, pretty };
}

function shapeOf(as: string | undefined): Exclude<Shape, 'object'> | undefined {
  return as === 'Table' || as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList'
    ? as
    : undefined;
}

function parseAccept(accept: string): Clause[] {
  const clauses: Clause[] = [];
  for (const part of accept.split(',')) {
    const [range = '', ...rest] = part.split(';');
    const [type = '', subtype = '', ...more] = range.split('/').map((word) => word.trim());
    if (more.length > 0 || (subtype === '' && type !== '*')) continue;
    const parameters = new Map<string, string>();
    let quality = 1;
    for (const parameter of rest) {
      const [name = '', value = '', ...further] = parameter.split('=').map((word) => word.trim());
      if (value === '' || further.length > 0) continue;
      if (name === 'q') quality = Number(value) || 0;
      else parameters.set(name, value);
    }
    insert(clauses, { type, subtype: subtype || '*', quality, parameters });
  }
  return clauses;
}

/** An insertion sort: the comparison is no order, and this is the outcome that upstream's sort has. */
function insert(clauses: Clause[], clause: Clause): void {
  let at = clauses.length;
  for (; at > 0; at--) {
    const before = clauses[at - 1];
    if (!before || !comesBefore(clause, before)) break;
  }
  clauses.splice(at, 0, clause);
}

function comesBefore(a: Clause, b: Clause): boolean {
  if (a.quality > b.quality) return true;
  if (a.type !== '*' && b.type === '*') return true;
  return a.subtype !== '*' && b.subtype === '*';
}
