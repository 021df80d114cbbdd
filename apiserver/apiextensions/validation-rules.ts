/**
 * The rules of a schema (`x-kubernetes-validations`), compiled once for each version of a custom resource,
 * when it is first written to, and asked after everything else of the object is found valid.
 *
 *   compileRules(schema)          undefined where the schema has no rules
 *   validator.validate(…)         what the rules find wrong; never throws for a user's fault
 *   validateRules(schema, at)     what is wrong with the rules themselves (rule-checks.ts)
 *
 * Rules walk down with the value. The old value goes along as far as it can be told which part of it is the
 * same: by field, by key, and in lists that are maps by their keys. A rule that speaks of `oldSelf` runs where
 * there is an old value; any other that fails on a part which did not change is a warning (ratcheting).
 * All rules of a write share one cost budget.
 */
import type { ValidationRule } from '../../pkg/api/types.js';
import { deepEqual } from '../../pkg/apimachinery/equality.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  formatFieldError,
  invalid,
  type Path,
  path,
  required,
} from '../../pkg/apimachinery/field-error.js';
import { toValue } from '../../pkg/cel/data.js';
import { type DeclType, declTypeOf } from '../../pkg/cel/decl-type.js';
import { MAX_MESSAGE_BYTES, type Program, RUNTIME_BUDGET } from '../../pkg/cel/program.js';
import { type CelFailure, Optional, type Value } from '../../pkg/cel/values.js';
import { type RuleProgram, ruleProgram } from './rule-program.js';
import {
  isEmbedded,
  isMap,
  itemsOf,
  type JsonSchema,
  propertyOf,
  valuesOf,
} from './schema/structural.js';

export { validateRules } from './rule-checks.js';

export interface RuleValidator {
  /** `oldValue` undefined: the object is new. `at` undefined: the root of the object. */
  validate(
    value: unknown,
    oldValue: unknown,
    at: Path | undefined,
    warn?: (text: string) => void,
  ): FieldError[];
}

/** `schema` is a version's whole schema, and what it is asked about a whole object. */
export function compileRules(schema: JsonSchema): RuleValidator | undefined {
  const root = nodeOf(schema, schema, true);
  if (!root) return undefined;
  return {
    validate(value, oldValue, at, warn) {
      const run = new Run(warn ?? (() => undefined));
      run.visit(root, value, { old: oldValue, parentUnchanged: () => false }, at ?? path());
      return run.errors;
    },
  };
}

interface Node {
  readonly schema: JsonSchema;
  /** Only where there are rules: a large schema has few of them. */
  readonly declared: DeclType | undefined;
  readonly rules: readonly RuleProgram[];
  readonly allOf: readonly Node[];
  readonly properties: ReadonlyMap<string, Node>;
  readonly items: Node | undefined;
  readonly values: Node | undefined;
}

/** `rules` has the rules, `schema` the types: they differ below `allOf`. Undefined where there are no rules. */
function nodeOf(rules: JsonSchema, schema: JsonSchema, root: boolean): Node | undefined {
  const below = (part: JsonSchema | undefined, of: JsonSchema | undefined): Node | undefined =>
    part && of && nodeOf(part, of, isEmbedded(of));
  const own = rules['x-kubernetes-validations'] ?? [];
  const declared = own.length > 0 ? declTypeOf(schema, root, 'selfType') : undefined;
  const properties = new Map<string, Node>();
  for (const [name, part] of Object.entries(rules.properties ?? {})) {
    const node = below(part, propertyOf(schema, name));
    if (node) properties.set(name, node);
  }
  const node: Node = {
    schema,
    declared,
    rules: declared ? own.map((rule) => ruleProgram(rule, declared, schema)) : [],
    allOf: (rules.allOf ?? []).flatMap((part) => nodeOf(part, schema, root) ?? []),
    properties,
    items: below(itemsOf(rules), itemsOf(schema)),
    values: below(valuesOf(rules), valuesOf(schema)),
  };
  const empty =
    node.rules.length + node.allOf.length + properties.size === 0 && !node.items && !node.values;
  return empty ? undefined : node;
}

/** What was there before, as far as is known. */
interface Before {
  /** Undefined: nothing that can be said to be the same. */
  readonly old: unknown;
  /** Whether the nearest part above, of which it is known, is as it was. */
  readonly parentUnchanged: () => boolean;
  /** Below `allOf`, a part counts as unchanged only with what is above it. */
  readonly uncorrelated?: boolean;
}

/** Of all rules over one object. */
class Run {
  readonly errors: FieldError[] = [];
  private budget = RUNTIME_BUDGET;
  private over = false;

  constructor(private readonly warn: (text: string) => void) {}

  visit(node: Node, value: unknown, before: Before, at: Path): void {
    if (this.over || value === undefined || value === null) return;
    this.evaluateAll(node, value, before, at);
    for (const part of node.allOf) this.visit(part, value, { ...before, uncorrelated: true }, at);
    const { old } = before;
    const unchanged =
      old === undefined || before.uncorrelated
        ? before.parentUnchanged
        : once(() => deepEqual(value, old));
    const child = (was: unknown): Before => ({ old: was ?? undefined, parentUnchanged: unchanged });
    if (Array.isArray(value)) {
      if (!node.items) return;
      const match = matcher(node.schema, old);
      for (const [i, item] of value.entries())
        this.visit(node.items, item, child(match(item)), at.index(i));
      return;
    }
    if (!isMap(value)) return;
    for (const [key, member] of Object.entries(value)) {
      const was = isMap(old) && Object.hasOwn(old, key) ? old[key] : undefined;
      const property = node.properties.get(key);
      if (property) this.visit(property, member, child(was), at.child(key));
      else if (node.values) this.visit(node.values, member, child(was), at.key(key));
    }
  }

  private evaluateAll(node: Node, value: unknown, before: Before, at: Path): void {
    if (node.rules.length === 0) return;
    const type = node.schema.type ?? '';
    const here = at.toString() === '' ? '<nil>' : at.toString();
    if (this.budget <= 0) {
      this.stop(invalid(here, type, OUT_OF_BUDGET));
      return;
    }
    const unchanged = once(() =>
      before.old === undefined || before.uncorrelated
        ? before.parentUnchanged()
        : deepEqual(value, before.old),
    );
    for (const rule of node.rules) {
      if (this.over) return;
      this.evaluate(rule, node, value, before.old, { at, here, type, unchanged });
    }
  }

  private evaluate(
    compiled: RuleProgram,
    node: Node,
    value: unknown,
    old: unknown,
    place: { at: Path; here: string; type: string; unchanged: () => boolean },
  ): void {
    const { rule, program, error } = compiled;
    const { declared } = node;
    const { at, here, type } = place;
    if (error) {
      this.errors.push(invalid(here, type, `rule compile error: ${error.detail}`));
      return;
    }
    const optional = rule.optionalOldSelf === true;
    if (!program || !declared || (compiled.usesOldSelf && old === undefined && !optional)) return;
    const variables = activation(declared, value, old, optional);
    const result = program.evaluate(variables);
    if (result.cost > this.budget) {
      this.stop(invalid(here, type, OUT_OF_BUDGET));
      return;
    }
    this.budget -= result.cost;
    if (result.failure) {
      this.failed(result.failure, rule, here, type);
      return;
    }
    if (result.value === true) return;
    const where = compiled.fieldPath === '' ? here : at.child(compiled.fieldPath).toString();
    const add = (found: FieldError) => {
      if (!compiled.usesOldSelf && place.unchanged()) this.warn(formatFieldError(found));
      else this.errors.push(found);
    };
    const message = compiled.message && this.message(compiled.message, rule, variables);
    if (message && 'stop' in message) {
      add(invalid(where, type, message.stop));
      this.over = true;
      return;
    }
    add(failure(where, type, message?.text ?? messageOf(rule), rule.reason));
  }

  /** Undefined where the expression makes no usable message: then the rule's own one serves. */
  private message(
    program: Program,
    { messageExpression = '' }: ValidationRule,
    variables: { variable(name: string): Value | undefined },
  ): { text: string } | { stop: string } | undefined {
    const result = program.evaluate(variables);
    if (result.cost > this.budget) {
      return {
        stop: 'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run',
      };
    }
    this.budget -= result.cost;
    if (result.failure?.fatal) {
      return {
        stop: `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${JSON.stringify(messageExpression)}`,
      };
    }
    if (typeof result.value !== 'string') return undefined;
    const text = result.value.trim();
    const usable =
      text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= MAX_MESSAGE_BYTES;
    return usable ? { text } : undefined;
  }

  private failed(
    { message, fatal }: CelFailure,
    rule: ValidationRule,
    here: string,
    type: string,
  ): void {
    const text = ruleText(rule);
    if (fatal) {
      const why = `'${message}': no further validation rules will be run due to call cost exceeds limit for rule: ${text}`;
      this.stop(invalid(here, type, why));
    } else if (message.startsWith('no such overload')) {
      const why = `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${text}`;
      this.errors.push(invalid(here, type, why));
    } else this.errors.push(invalid(here, type, `${message} evaluating rule: ${text}`));
  }

  private stop(error: FieldError): void {
    this.errors.push(error);
    this.over = true;
  }
}

const OUT_OF_BUDGET =
  'validation failed due to running out of cost budget, no further validation rules will be run';

function activation(declared: DeclType, value: unknown, old: unknown, optional: boolean) {
  const self = once(() => toValue(value, declared));
  const oldSelf = once(() => {
    const was = old === undefined || old === null ? undefined : toValue(old, declared);
    if (!optional) return was;
    return was === undefined ? Optional.none : new Optional(was);
  });
  return {
    variable: (name: string): Value | undefined => {
      if (name === 'self') return self();
      return name === 'oldSelf' ? oldSelf() : undefined;
    },
  };
}

/** Finds the item of the old list that is the same as one of the new list, where the list's type says how. */
function matcher(schema: JsonSchema, old: unknown): (item: unknown) => unknown {
  if (!Array.isArray(old) || schema['x-kubernetes-list-type'] !== 'map') return () => undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const items = itemsOf(schema);
  const keyOf = (item: unknown): string | undefined =>
    isMap(item)
      ? JSON.stringify(
          keys.map((key) => item[key] ?? (items && propertyOf(items, key)?.default) ?? null),
        )
      : undefined;
  const byKey = new Map<string, unknown>();
  for (const item of old) {
    const key = keyOf(item);
    if (key !== undefined) byKey.set(key, item);
  }
  return (item) => {
    const key = keyOf(item);
    return key === undefined ? undefined : byKey.get(key);
  };
}

function failure(at: string, type: string, detail: string, reason: string | undefined): FieldError {
  switch (reason) {
    case 'FieldValueForbidden':
      return forbidden(at, detail);
    case 'FieldValueRequired':
      return required(at, detail);
    case 'FieldValueDuplicate':
      return duplicate(at, type);
    default:
      return invalid(at, type, detail);
  }
}

function messageOf(rule: ValidationRule): string {
  return rule.message ? rule.message.trim() : `failed rule: ${ruleText(rule)}`;
}

function ruleText(rule: ValidationRule): string {
  return (rule.message || rule.rule).trim();
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
