/**
 * Puts the schema's own defaults into an object, in place and only where a field is absent: into list items
 * and maps too, but not into structures that are absent themselves. Built-in kinds have few such defaults
 * (a port's protocol, the name of a reference); the rest of theirs is in their strategies.
 */
import { clone } from '../../apimachinery/clone.js';
import type { Schema, SchemaSet } from './model.js';

/** Of a structure, a list or a map, the parts that have defaults in or below them: most have none. */
interface Plan {
  readonly fields: { name: string; schema: Schema; puts: boolean; plan: Plan | undefined }[];
  items: Plan | undefined;
  values: Plan | undefined;
}

export class Defaulter {
  /** Definition → whether it or anything below it has a default. */
  private readonly worthwhile = new Map<string, boolean>();
  private readonly plans = new Map<Schema, Plan>();

  constructor(private readonly schemas: SchemaSet) {}

  apply(definition: string, object: unknown): void {
    visit(this.plan({ ref: definition }), object);
  }

  /** Undefined: nothing to do. It may contain itself. */
  private plan(declared: Schema): Plan | undefined {
    if (!this.hasDefaults(declared)) return undefined;
    const schema = this.schemas.resolve(declared);
    const known = this.plans.get(schema);
    if (known) return known;
    const plan: Plan = { fields: [], items: undefined, values: undefined };
    this.plans.set(schema, plan);
    plan.items = schema.items && this.plan(schema.items);
    plan.values = schema.additionalProperties && this.plan(schema.additionalProperties);
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      const puts = isWorthPutting(property);
      const below = this.plan(property);
      if (puts || below) plan.fields.push({ name, schema: property, puts, plan: below });
    }
    return plan;
  }

  private hasDefaults(schema: Schema): boolean {
    if (schema.ref === undefined) return this.search(schema);
    const known = this.worthwhile.get(schema.ref);
    if (known !== undefined) return known;
    // While it is searched: a circle adds nothing.
    this.worthwhile.set(schema.ref, false);
    const found = this.search(this.schemas.get(schema.ref));
    this.worthwhile.set(schema.ref, found);
    return found;
  }

  private search(schema: Schema): boolean {
    if (schema.items && this.hasDefaults(schema.items)) return true;
    if (schema.additionalProperties && this.hasDefaults(schema.additionalProperties)) return true;
    return Object.values(schema.properties ?? {}).some(
      (property) => property.default !== undefined || this.hasDefaults(property),
    );
  }
}

function visit(plan: Plan | undefined, value: unknown): void {
  if (!plan || typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    if (plan.items) for (const item of value) visit(plan.items, item);
    return;
  }
  const fields = value as Record<string, unknown>;
  for (const { name, schema, puts, plan: below } of plan.fields) {
    if (puts && fields[name] === undefined) fields[name] = clone(schema.default);
    if (below) visit(below, fields[name]);
  }
  if (plan.values) for (const part of Object.values(fields)) visit(plan.values, part);
}

/** The default of a reference's name is `""`, which goes without saying. */
function isWorthPutting({ default: value, zero }: Schema): boolean {
  return value !== undefined && !(value === '' && zero === 'omit');
}
