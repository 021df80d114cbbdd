/** What an apply sends: YAML, which JSON is, too. Keys that stand twice are told as `fieldValidation` says. */
import { countMembers } from '../../pkg/api/schema/json-scanner.js';
import { readYaml, repeatedKeys } from '../../pkg/api/schema/yaml-body.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { notTooDeep } from '../../pkg/apimachinery/nesting.js';
import { badRequest } from '../../pkg/apimachinery/status.js';
import type { RequestContext } from '../server/request-context.js';
import { fieldValidation } from './object-decoder.js';

export interface ApplyBody {
  readonly config: KubeObject;
  /** `line 3: key "name" already set in map`; the last of them counts. Looked for when somebody asks. */
  readonly repeated: () => readonly string[];
}

/** Throws a 400 for what is no object. */
export function readApplyBody(body: Buffer): ApplyBody {
  const text = body.toString();
  let value: unknown;
  let isJson = false;
  try {
    value = notTooDeep(text, () => {
      const json = jsonObject(text);
      isJson = json !== undefined;
      return json ?? readYaml(text);
    });
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err);
    throw badRequest(`error decoding YAML: error converting YAML to JSON: yaml: ${why}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badRequest('error decoding YAML: the applied configuration is not an object');
  }
  const members = isJson ? membersOf(value) : undefined;
  const repeated = () => (members === countMembers(text) ? [] : repeatedKeys(text));
  return { config: value, repeated };
}

/** Once it is known that the rest of it can be applied. */
export function tellRepeated(ctx: RequestContext, repeated: ApplyBody['repeated']): void {
  const validation = fieldValidation(ctx.query);
  if (validation === 'Ignore') return;
  const keys = repeated();
  if (keys.length > 0 && validation === 'Strict') {
    const why = ['yaml: unmarshal errors:', ...keys].join('\n  ');
    throw badRequest(`error strict decoding YAML: error converting YAML to JSON: ${why}`);
  }
  for (const key of keys) ctx.warn(key);
}

/** Most clients send JSON, which is much sooner read as what it is. */
function jsonObject(text: string): unknown {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const below = Object.values(value);
  const own = Array.isArray(value) ? 0 : below.length;
  return below.reduce((sum: number, each) => sum + membersOf(each), own);
}
