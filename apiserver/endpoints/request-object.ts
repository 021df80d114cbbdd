/** What a write brings along: an object in its body, options in its query. */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { invalid } from '../../pkg/apimachinery/status.js';
import { validateWriteOptions } from '../../pkg/apimachinery/validation/options.js';
import { namespaceMismatch } from '../registry/create.js';
import type { ResourceDefinition } from '../registry/resource.js';
import type { RequestContext } from '../server/request-context.js';
import { contentEncoding } from './media-type.js';
import { type ExpectedKind, fieldValidation, type ObjectDecoder } from './object-decoder.js';
import { readBody } from './request-body.js';
import { exchangeOf } from './respond.js';

/** The body as an object of the kind. */
export async function readObject(
  decoder: ObjectDecoder,
  of: ExpectedKind,
  ctx: RequestContext,
): Promise<KubeObject> {
  const object = await decodeBody(decoder, of, ctx);
  ctx.audit?.setRequest(object);
  return object;
}

async function decodeBody(
  decoder: ObjectDecoder,
  of: ExpectedKind,
  ctx: RequestContext,
): Promise<KubeObject> {
  const { req } = exchangeOf(ctx);
  const encoding = contentEncoding(req.headers['content-type']);
  const body = await readBody(req);
  if (encoding === 'protobuf') {
    const value = await decoder.protobufValue(body, of);
    return decoder.decodeValue(of, value, fieldValidation(ctx.query), (text) => ctx.warn(text));
  }
  return decoder.decode(of, body, encoding, fieldValidation(ctx.query), (text) => ctx.warn(text));
}

/** Checked, in the shape in which admission sees them. */
export function writeOptions(ctx: RequestContext, kind: string): KubeObject {
  const options = {
    kind,
    apiVersion: 'meta.k8s.io/v1',
    ...(ctx.query.has('fieldManager') ? { fieldManager: ctx.query.get('fieldManager') ?? '' } : {}),
    ...(ctx.query.has('dryRun')
      ? { dryRun: ctx.query.getAll('dryRun').filter((value) => value !== '') }
      : {}),
    ...(ctx.query.has('fieldValidation')
      ? { fieldValidation: ctx.query.get('fieldValidation') ?? '' }
      : {}),
  };
  const errors = validateWriteOptions(options);
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind }, '', errors);
  return options;
}

/** The namespace of the path is the object's; another one in the body is an error. */
export function fillNamespace(
  definition: ResourceDefinition,
  obj: KubeObject,
  namespace: string,
): void {
  if (!definition.namespaced) return;
  obj.metadata ??= {};
  obj.metadata.namespace ||= namespace;
  if (obj.metadata.namespace !== namespace) throw namespaceMismatch();
}
