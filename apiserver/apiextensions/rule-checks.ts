/**
 * What is wrong with the rules of a schema, when their author applies them: their form, that they compile
 * against the schema, that `oldSelf` stands where old and new can be told to be the same, and that their worst
 * case is within limits, each by itself and all of a schema together.
 */
import type { ValidationRule } from '../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  required,
} from '../../pkg/apimachinery/field-error.js';
import type { SizeOfPath } from '../../pkg/cel/cost-estimate.js';
import { MAX_COST } from '../../pkg/cel/cost-range.js';
import { type DeclType, declTypeOf, MAX_REQUEST_BYTES } from '../../pkg/cel/decl-type.js';
import { ruleFieldPath } from './rule-field-path.js';
import { type RuleError, ruleProgram } from './rule-program.js';
import { isEmbedded, itemsOf, type JsonSchema, schemasIn, valuesOf } from './schema/structural.js';

/** Estimated cost of one expression, times how often it runs, and of all of a schema. */
const EXPRESSION_LIMIT = 10_000_000;
const SCHEMA_LIMIT = 100_000_000;
/** Of the schema's limit: expressions below are not named as its causes. */
const EXPENSIVE = SCHEMA_LIMIT / 100;
const MAX_NAMED = 4;
const MAX_MESSAGE = 2048;
const REASONS = [
  'FieldValueDuplicate',
  'FieldValueForbidden',
  'FieldValueInvalid',
  'FieldValueRequired',
];

interface Place {
  readonly at: Path;
  /** How often a rule here runs at most; undefined where no schema above bounds it. */
  readonly cardinality: number | undefined;
  /** The first list above whose items cannot be told to be the same. */
  readonly uncorrelatable: Path | undefined;
}

interface Total {
  cost: number;
  readonly expensive: { readonly at: Path; readonly cost: number }[];
}

/** `old`: the schema that the definition had before; its rules stay as they were accepted. */
export function validateRules(
  schema: JsonSchema,
  at: Path,
  old: JsonSchema | undefined,
): FieldError[] {
  const total: Total = { cost: 0, expensive: [] };
  const known = new Set(old ? [...schemasIn(old)].flatMap(textsOf) : []);
  const errors = check(schema, { at, cardinality: 1, uncorrelatable: undefined }, true, total);
  if (
    total.cost > SCHEMA_LIMIT &&
    ![...schemasIn(schema)].flatMap(textsOf).every((text) => known.has(text))
  ) {
    for (const { at: where } of total.expensive
      .sort((a, b) => b.cost - a.cost)
      .slice(0, MAX_NAMED)) {
      errors.push(
        forbidden(
          where,
          'contributed to estimated rule & messageExpression cost total exceeding cost limit for entire OpenAPIv3 schema',
        ),
      );
    }
    errors.push(
      forbidden(
        at,
        costMessage(
          'x-kubernetes-validations estimated rule & messageExpression cost total for entire OpenAPIv3 schema',
          total.cost,
          SCHEMA_LIMIT,
        ),
      ),
    );
  }
  return errors;
}

function textsOf(schema: JsonSchema): string[] {
  return (schema['x-kubernetes-validations'] ?? []).flatMap(({ rule, messageExpression = '' }) => [
    rule,
    messageExpression,
  ]);
}

/** Deeper schemas first, as they are reported. */
function check(schema: JsonSchema, place: Place, root: boolean, total: Total): FieldError[] {
  const { at, cardinality } = place;
  const errors: FieldError[] = [];
  const times = (factor: number | undefined) =>
    cardinality === undefined || factor === undefined
      ? undefined
      : Math.min(MAX_COST, cardinality * factor);
  const values = valuesOf(schema);
  if (values) {
    const below = {
      ...place,
      at: at.child('additionalProperties'),
      cardinality: times(schema.maxProperties),
    };
    errors.push(...check(values, below, isEmbedded(values), total));
  }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const below = { ...place, at: at.child('properties').key(name) };
    errors.push(...check(property, below, isEmbedded(property), total));
  }
  (schema.allOf ?? []).forEach((part, i) => {
    if (hasRules(part))
      errors.push(
        ...check({ ...schema, ...part }, { ...place, at: at.child('allOf').index(i) }, root, total),
      );
  });
  const items = itemsOf(schema);
  if (items) {
    const below = at.child('items');
    const isMap = schema['x-kubernetes-list-type'] === 'map';
    errors.push(
      ...check(
        items,
        {
          at: below,
          cardinality: times(schema.maxItems),
          uncorrelatable: place.uncorrelatable ?? (isMap ? undefined : below),
        },
        isEmbedded(items),
        total,
      ),
    );
  }
  return [...errors, ...checkRules(schema, place, root, total)];
}

function hasRules(schema: JsonSchema): boolean {
  return [...schemasIn(schema)].some((part) => (part['x-kubernetes-validations'] ?? []).length > 0);
}

function checkRules(schema: JsonSchema, place: Place, root: boolean, total: Total): FieldError[] {
  const rules = schema['x-kubernetes-validations'] ?? [];
  if (rules.length === 0) return [];
  const at = place.at.child('x-kubernetes-validations');
  const errors = rules.flatMap((rule, i) => formErrors(rule, at.index(i), schema));
  if (errors.length > 0) return errors;
  const declared = declTypeOf(schema, root, 'selfType');
  if (!declared) {
    const keeps = schema['x-kubernetes-preserve-unknown-fields'] === true;
    const why = `rule declared on schema that does not support validation rules type: '${schema.type ?? ''}' x-kubernetes-preserve-unknown-fields: '${keeps}'`;
    return [invalid(at, '', why)];
  }
  rules.forEach((rule, i) => {
    errors.push(...compileErrors(rule, at.index(i), { schema, declared, place, total }));
  });
  return errors;
}

function formErrors(rule: ValidationRule, at: Path, schema: JsonSchema): FieldError[] {
  const errors: FieldError[] = [];
  const { message = '', messageExpression = '', reason, fieldPath = '' } = rule;
  const trimmed = message.trim();
  if (rule.rule.trim() === '') errors.push(required(at.child('rule'), 'rule is not specified'));
  else if (message !== '' && trimmed === '') {
    errors.push(invalid(at.child('message'), message, 'message must be non-empty if specified'));
  } else if (Buffer.byteLength(message) > MAX_MESSAGE) {
    const shown = `${message.slice(0, 10)}...`;
    errors.push(
      invalid(at.child('message'), shown, 'message must have a maximum length of 2048 characters'),
    );
  } else if (/[\n\r]/.test(trimmed)) {
    errors.push(invalid(at.child('message'), message, 'message must not contain line breaks'));
  } else if (/[\n\r]/.test(rule.rule.trim()) && trimmed === '') {
    errors.push(
      required(at.child('message'), 'message must be specified if rule contains line breaks'),
    );
  }
  if (messageExpression !== '' && messageExpression.trim() === '') {
    errors.push(
      required(at.child('messageExpression'), 'messageExpression must be non-empty if specified'),
    );
  }
  if (reason !== undefined && !REASONS.includes(reason))
    errors.push(notSupported(at.child('reason'), reason, REASONS));
  if (fieldPath !== '') {
    const here = at.child('fieldPath');
    if (fieldPath.trim() === '')
      errors.push(invalid(here, fieldPath, 'fieldPath must be non-empty if specified'));
    if (/[\n\r]/.test(fieldPath))
      errors.push(invalid(here, fieldPath, 'fieldPath must not contain line breaks'));
    const found = ruleFieldPath(fieldPath, schema);
    if ('error' in found)
      errors.push(invalid(here, fieldPath, `fieldPath must be a valid path: ${found.error}`));
  }
  return errors;
}

function compileErrors(
  rule: ValidationRule,
  at: Path,
  of: { schema: JsonSchema; declared: DeclType; place: Place; total: Total },
): FieldError[] {
  const { schema, declared, place, total } = of;
  const errors: FieldError[] = [];
  const compiled = ruleProgram(rule, declared, schema);
  const sizes = sizesOf(declared);
  // Where nothing above says how often, as often as values of the smallest size fit a request.
  const runs = place.cardinality ?? Math.floor(MAX_REQUEST_BYTES / (declared.minSize + 1));
  const observe = (field: 'rule' | 'messageExpression', cost: number, what: string) => {
    if (cost > EXPRESSION_LIMIT)
      errors.push(forbidden(at.child(field), costMessage(what, cost, EXPRESSION_LIMIT)));
    total.cost = Math.min(MAX_COST, total.cost + cost);
    if (cost > EXPENSIVE) total.expensive.push({ at: at.child(field), cost });
  };
  if (compiled.program) {
    observe(
      'rule',
      Math.min(MAX_COST, compiled.program.estimate(sizes).max * runs),
      'estimated rule cost',
    );
  }
  const { error, messageError, message } = compiled;
  if (error) errors.push(compileError(at.child('rule'), rule, error));
  if (messageError) errors.push(compileError(at.child('messageExpression'), rule, messageError));
  else if (message)
    observe('messageExpression', message.estimate(sizes).max, 'estimated messageExpression cost');
  if (compiled.usesOldSelf && place.uncorrelatable) {
    const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${place.uncorrelatable}`;
    errors.push(invalid(at.child('rule'), rule.rule, why));
  }
  return errors;
}

function compileError(at: Path, rule: ValidationRule, { detail }: RuleError): FieldError {
  // The internal type of Kubernetes, which has no names for JSON, is what its message shows.
  const shown = {
    Rule: rule.rule,
    Message: rule.message ?? '',
    MessageExpression: rule.messageExpression ?? '',
    Reason: rule.reason ?? null,
    FieldPath: rule.fieldPath ?? '',
    OptionalOldSelf: rule.optionalOldSelf ?? null,
  };
  return invalid(at, shown, detail);
}

/** The size that the schema allows at a path from `self` or `oldSelf`. */
function sizesOf(root: DeclType): SizeOfPath {
  return ([, ...path]) => {
    let at: DeclType | undefined = root;
    for (const step of path) {
      if (step === '@items' || step === '@values') at = at?.element;
      else if (step === '@keys') return at?.type.kind === 'map' ? 0 : undefined;
      else at = at?.fields?.get(step)?.declared;
      if (!at) return undefined;
    }
    return at.maxElements;
  };
}

function costMessage(what: string, cost: number, limit: number): string {
  const excess = cost / limit;
  let factor = `${excess.toFixed(1)}x`;
  if (excess > 100) factor = 'more than 100x';
  else if (excess < 1.5) factor = `${excess.toFixed(6)}x`;
  return `${what} exceeds budget by factor of ${factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
