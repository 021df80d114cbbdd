/** A configuration of `apiserver.config.k8s.io`: which kind and version it is, and all that is wrong with it. */
import { parse } from 'yaml';
import { type FieldError, formatFieldError } from '../../pkg/apimachinery/field-error.js';
import { ConfigFields } from './config-fields.js';

const GROUP = 'apiserver.config.k8s.io';

/** `read` adds what it finds to the errors. Throws for any of them, and for fields that it did not read. */
export function readAccessConfig<T>(
  text: string,
  kind: string,
  versions: readonly string[],
  read: (fields: ConfigFields, errors: FieldError[]) => T,
): T {
  const value: unknown = parse(text);
  const errors: FieldError[] = [];
  const fields = ConfigFields.root(value, errors);
  const known = versions.map((version) => `${GROUP}/${version}`);
  const apiVersion = fields.text('apiVersion');
  if (fields.text('kind') !== kind) throw new Error(`the kind of the file must be ${kind}`);
  if (!known.includes(apiVersion))
    throw new Error(`the apiVersion of the ${kind} must be one of ${known.join(', ')}`);
  const result = read(fields, errors);
  const unknown = fields.unknown().map((name) => `unknown field ${JSON.stringify(name)}`);
  if (unknown.length > 0) throw new Error(`strict decoding error: ${unknown.join(', ')}`);
  const texts = errors.map(formatFieldError);
  if (texts.length > 0)
    throw new Error(texts.length === 1 ? texts[0] : `[${[...new Set(texts)].join(', ')}]`);
  return result;
}
