/** The options of a DELETE: from its body where it has one, else from its query. */
import { parse as parseYaml } from 'yaml';
import { explainSyntaxError } from '../../pkg/api/schema/json-scanner.js';
import { nestsTooDeep, notTooDeep, TOO_DEEP } from '../../pkg/apimachinery/nesting.js';
import { badRequest } from '../../pkg/apimachinery/status.js';
import type { DeleteOptions } from '../../pkg/apimachinery/validation/options.js';
import type { RequestContext } from '../server/request-context.js';
import { flag, integer } from './list-options.js';
import { contentEncoding } from './media-type.js';
import type { ObjectDecoder } from './object-decoder.js';
import { readBody } from './request-body.js';
import { exchangeOf } from './respond.js';

/** Of every group; without a type in the envelope, too. */
const DELETE_OPTIONS = { group: 'meta.k8s.io', version: 'v1', kind: 'DeleteOptions' } as const;

export async function readDeleteOptions(
  ctx: RequestContext,
  decoder: ObjectDecoder,
): Promise<DeleteOptions> {
  const { req } = exchangeOf(ctx);
  const body = await readBody(req);
  if (body.length === 0) return fromQuery(ctx.query);
  const encoding = contentEncoding(req.headers['content-type']);
  if (encoding === 'protobuf') return fromBody(await decoder.protobufValue(body, DELETE_OPTIONS));
  const text = body.toString();
  return fromBody(encoding === 'yaml' ? parsedYaml(text) : parsedJson(text));
}

function parsedYaml(text: string): unknown {
  try {
    return notTooDeep(text, () => parseYaml(text));
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err);
    throw badRequest(`error converting YAML to JSON: yaml: ${why}`);
  }
}

function parsedJson(text: string): unknown {
  const wrong = (why: string) => badRequest(`couldn't get version/kind; json parse error: ${why}`);
  if (nestsTooDeep(text)) throw wrong(TOO_DEEP);
  try {
    return JSON.parse(text);
  } catch (err) {
    throw wrong(explainSyntaxError(text) ?? String(err));
  }
}

function fromQuery(query: URLSearchParams): DeleteOptions {
  const grace = integer(query, 'gracePeriodSeconds');
  const orphan = flag(query, 'orphanDependents');
  const policy = query.get('propagationPolicy');
  const dryRun = query.getAll('dryRun').filter((value) => value !== '');
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(orphan === undefined ? {} : { orphanDependents: orphan }),
    ...(policy ? { propagationPolicy: policy } : {}),
    ...(dryRun.length > 0 ? { dryRun } : {}),
  };
}

function fromBody(value: unknown): DeleteOptions {
  if (!isRecord(value)) throw badRequest('the body of a delete must be DeleteOptions');
  const kind = value.kind;
  if (kind !== undefined && kind !== 'DeleteOptions') {
    throw badRequest(`decoded object cannot be converted to DeleteOptions`);
  }
  const preconditions = optional(value, 'preconditions', isRecord, 'an object');
  const uid = preconditions && optional(preconditions, 'uid', isString, 'a string');
  const resourceVersion =
    preconditions && optional(preconditions, 'resourceVersion', isString, 'a string');
  const grace = optional(
    value,
    'gracePeriodSeconds',
    Number.isSafeInteger as (v: unknown) => v is number,
    'an integer',
  );
  const orphan = optional(value, 'orphanDependents', isBoolean, 'a boolean');
  const policy = optional(value, 'propagationPolicy', isString, 'a string');
  const dryRun = optional(value, 'dryRun', isStrings, 'a list of strings');
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...(orphan === undefined ? {} : { orphanDependents: orphan }),
    ...(policy === undefined ? {} : { propagationPolicy: policy }),
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(preconditions
      ? {
          preconditions: {
            ...(uid === undefined ? {} : { uid }),
            ...(resourceVersion === undefined ? {} : { resourceVersion }),
          },
        }
      : {}),
  };
}

function optional<T>(
  of: Record<string, unknown>,
  field: string,
  is: (value: unknown) => value is T,
  expected: string,
): T | undefined {
  const value = of[field];
  if (value === undefined || value === null) return undefined;
  if (!is(value)) throw badRequest(`DeleteOptions.${field} must be ${expected}`);
  return value;
}

const isString = (value: unknown): value is string => typeof value === 'string';
const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
const isStrings = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every(isString);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
