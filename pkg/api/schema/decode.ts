/**
 * Bodies of writes: text → object, with the answers that Kubernetes gives when something is wrong with it.
 *   decodeBody   JSON or YAML as it came
 *   decodeValue  a value that is parsed already: the result of a patch, an item of a list
 * `fieldValidation`: Ignore drops unknown and duplicate fields silently, Warn says so in warnings, Strict
 * refuses. A wrong type is a 400 with each of them.
 */
import { invalid as fieldInvalid } from '../../apimachinery/field-error.js';
import { goText } from '../../apimachinery/go-format.js';
import { apiVersionOf, type UnstructuredObject } from '../../apimachinery/meta.js';
import { nestsTooDeep, notTooDeep, TOO_DEEP } from '../../apimachinery/nesting.js';
import { badRequest, invalid, type StatusError } from '../../apimachinery/status.js';
import { DecodeError, type Decoder } from './decoder.js';
import {
  countMembers,
  duplicateFields,
  explainSyntaxError,
  type Fraction,
  fractions,
} from './json-scanner.js';
import { readYaml, repeatedKeys } from './yaml-body.js';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

/** What the URL says that the body is. */
export interface DecodeTarget {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Further versions of the group that a body may say, of the same fields. */
  readonly olderVersions?: readonly string[];
  /** The OpenAPI name of its definition. */
  readonly definition: string;
}

/** What checks a value against the schema of its kind. */
export type ValueDecoder = Pick<Decoder, 'decode' | 'refuseFraction' | 'definitionOf'>;

export interface DecodeOptions {
  readonly decoder: ValueDecoder;
  readonly target: DecodeTarget;
  readonly fieldValidation: FieldValidation;
  /** The value is what a patch made of an object: what is wrong with it is said of the patch. */
  readonly patch?: OfPatch;
}

export interface OfPatch {
  /** A strategic merge patch, which errors show; its result is converted, not parsed. Of others they show that. */
  readonly strategic?: object;
}

export interface DecodedBody {
  readonly object: UnstructuredObject;
  /** For `Warning:` headers, with `Warn`. */
  readonly warnings: readonly string[];
}

/** How much of a body that is no object an error shows. */
const SUMMARY_BYTES = 30;

/** Where Kubernetes registers its kinds, as its errors name the place. */
const SCHEME = '"pkg/api/legacyscheme/scheme.go:30"';

/** The structure that Go looks for the kind with, as its errors print it. */
const TYPE_META =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/** Throws a 400 as `kubectl` shows it. */
export function decodeBody(
  body: Buffer,
  format: 'json' | 'yaml',
  options: DecodeOptions,
): DecodedBody {
  const text = body.toString('utf8');
  const parsed = format === 'json' ? parseJson(text) : parseYaml(text);
  const { value } = parsed;
  if (value instanceof Unparsable) throw unrecognized(options.target, value.message, body);
  const kindProblem = interpretKind(value);
  if (kindProblem) throw unrecognized(options.target, kindProblem, body);
  return finish(parsed, options);
}

export function decodeValue(value: unknown, options: DecodeOptions): DecodedBody {
  return finish({ value, duplicates: () => [], fractions: [] }, options);
}

/** `unknown field "spec.foo"`: what Warn and Strict say about each. */
export function unknownFieldText(path: string): string {
  return `unknown field ${JSON.stringify(path)}`;
}

/** `strict decoding error: a, b` */
export function strictDecodingText(errors: readonly string[]): string {
  return `strict decoding error: ${errors.join(', ')}`;
}

function finish(
  { value, duplicates, fractions: written }: Parsed,
  { decoder, target, fieldValidation, patch }: DecodeOptions,
): DecodedBody {
  const said = saidKind(value, target);
  checkKind(said, target, decoder);
  let decoded: ReturnType<Decoder['decode']>;
  try {
    decoded = decoder.decode(target.definition, value ?? {});
    for (const fraction of written) decoder.refuseFraction(target.definition, fraction);
  } catch (err) {
    if (!(err instanceof DecodeError)) throw err;
    if (patch) throw badPatch(patch, value, patch.strategic ? err.converting : err.message);
    throw cannotHandle(said, target, err.message);
  }
  const object: UnstructuredObject = decoded.object;
  object.apiVersion = apiVersionOf(target);
  object.kind = target.kind;
  if (fieldValidation === 'Ignore') return { object, warnings: [] };
  const strict = [...decoded.unknownFields.map(unknownFieldText), ...duplicates(decoded.members)];
  if (strict.length === 0) return { object, warnings: [] };
  if (fieldValidation === 'Warn') return { object, warnings: strict };
  if (patch) throw badPatch(patch, value, strictDecodingText(strict));
  throw cannotHandle(said, target, strictDecodingText(strict));
}

function badPatch({ strategic }: OfPatch, result: unknown, why: string): StatusError {
  const shown = strategic ? goText(strategic) : JSON.stringify(result);
  return invalid({ group: '', kind: '' }, '', [fieldInvalid('patch', shown, why)]);
}

interface SaidKind {
  readonly apiVersion: string;
  readonly kind: string;
}

/** What the body says that it is; the target where it says nothing. */
function saidKind(value: unknown, target: DecodeTarget): SaidKind {
  const { apiVersion, kind }: { apiVersion?: unknown; kind?: unknown } =
    typeof value === 'object' && value !== null ? value : {};
  return {
    apiVersion:
      typeof apiVersion === 'string' && apiVersion !== '' ? apiVersion : apiVersionOf(target),
    kind: typeof kind === 'string' && kind !== '' ? kind : target.kind,
  };
}

function checkKind(said: SaidKind, target: DecodeTarget, decoder: ValueDecoder): void {
  const expected = apiVersionOf(target);
  if (said.kind !== target.kind) {
    throw cannotHandle(said, target, unlikeKind(said, target, decoder));
  }
  const older = target.olderVersions?.some(
    (version) => said.apiVersion === apiVersionOf({ group: target.group, version }),
  );
  if (said.apiVersion !== expected && !older) {
    throw badRequest(
      `the API version in the data (${said.apiVersion}) does not match the expected API version (${expected})`,
    );
  }
}

/** A kind that exists cannot be converted; any other is not registered. */
function unlikeKind(said: SaidKind, target: DecodeTarget, decoder: ValueDecoder): string {
  const known = decoder.definitionOf(said.apiVersion, said.kind);
  if (known === undefined) {
    return `no kind ${JSON.stringify(said.kind)} is registered for version ${JSON.stringify(said.apiVersion)} in scheme ${SCHEME}`;
  }
  const from = known.split('.').slice(-2).join('.');
  const into = target.definition.split('.').at(-3);
  return `converting (${from}) to (${into}.${target.kind}): unknown conversion`;
}

function cannotHandle(said: SaidKind, target: DecodeTarget, why: string): StatusError {
  const version = said.apiVersion.slice(said.apiVersion.indexOf('/') + 1);
  return badRequest(
    `${said.kind} in version ${JSON.stringify(version)} cannot be handled as a ${target.kind}: ${why}`,
  );
}

function unrecognized(target: DecodeTarget, why: string, body: Buffer): StatusError {
  return badRequest(
    `the object provided is unrecognized (must be of type ${target.kind}): ${why} (${summarize(body)})`,
  );
}

function summarize(body: Buffer): string {
  if (body.length === 0) return '<empty>';
  const head = body.subarray(0, SUMMARY_BYTES);
  const text = body[0] === 0x7b ? head.toString('utf8') : head.toString('hex');
  return body.length > SUMMARY_BYTES ? `${text} ...` : text;
}

/** Go first looks for apiVersion and kind alone; what stops it there. */
function interpretKind(value: unknown): string | undefined {
  const fault = (came: string, where: string, wants: string) =>
    `couldn't get version/kind; json parse error: json: cannot unmarshal ${came} into Go ${where} of type ${wants}`;
  if (value === null) return undefined;
  if (Array.isArray(value)) return fault('array', 'value', TYPE_META);
  if (typeof value !== 'object') return fault(jsonTypeOf(value), 'value', TYPE_META);
  for (const [field, part] of Object.entries(value)) {
    if (field !== 'apiVersion' && field !== 'kind') continue;
    if (typeof part !== 'string' && part !== null) {
      return fault(jsonTypeOf(part), `struct field .${field}`, 'string');
    }
    if (field === 'apiVersion' && part !== null && part.split('/').length > 2) {
      return `unexpected GroupVersion string: ${part}`;
    }
  }
  return undefined;
}

function jsonTypeOf(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

class Unparsable {
  constructor(readonly message: string) {}
}

interface Parsed {
  readonly value: unknown;
  /** Texts about fields that stand twice; called only when someone wants to know. */
  readonly duplicates: (members: number) => string[];
  readonly fractions: readonly Fraction[];
}

function parseJson(text: string): Parsed {
  let value: unknown;
  try {
    if (nestsTooDeep(text)) return none(`couldn't get version/kind; json parse error: ${TOO_DEEP}`);
    value = JSON.parse(text);
  } catch {
    const why = explainSyntaxError(text) ?? 'invalid JSON';
    return none(`couldn't get version/kind; json parse error: ${why}`);
  }
  const duplicates = (members: number) =>
    countMembers(text) === members
      ? []
      : duplicateFields(text).map((path) => `duplicate field ${JSON.stringify(path)}`);
  return { value, duplicates, fractions: fractions(text) };
}

function none(message: string): Parsed {
  return { value: new Unparsable(message), duplicates: () => [], fractions: [] };
}

/** YAML 1.1, as Kubernetes reads it (`yes` is true), but a date stays a string. */
function parseYaml(text: string): Parsed {
  let value: unknown;
  try {
    value = notTooDeep(text, () => readYaml(text));
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err);
    return none(`error converting YAML to JSON: yaml: ${why}`);
  }
  const duplicates = () => repeatedKeys(text).map((key) => `yaml: unmarshal errors:\n  ${key}`);
  return { value: value ?? null, duplicates, fractions: [] };
}
