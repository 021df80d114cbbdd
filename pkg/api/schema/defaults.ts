/**
 * Puts the schema's own defaults into an object, in place and only where a field is absent: into list items
 * and maps too, but not into structures that are absent themselves. Built-in kinds have few such defaults
 * (a port's protocol, the name of a reference); the rest of theirs is in their strategies.
 */
import { clone } from '../../apimachinery/clone.js';
import type { Schema, SchemaSet } from './model.js';

export class Defaulter {
  /** Definition → whether it or anything below it has a default. */
  private readonly worthwhile = new Map<string, boolean>();

  constructor(private readonly schemas: SchemaSet) {}

  apply(definition: string, object: unknown): void {
    this.visit({ ref: definition }, object);
  }

  private visit(declared: Schema, value: unknown): void {
    if (typeof value !== 'object' || value === null || !this.hasDefaults(declared)) return;
    const schema = this.schemas.resolve(declared);
    if (Array.isArray(value)) {
      if (schema.items) for (const item of value) this.visit(schema.items, item);
      return;
    }
    const fields = value as Record<string, unknown>;
    for (const [name, property] of Object.entries(schema.properties ?? {})) {
      if (fields[name] === undefined && isWorthPutting(property)) {
        fields[name] = clone(property.default);
      }
      this.visit(property, fields[name]);
    }
    if (schema.additionalProperties) {
      for (const part of Object.values(fields)) this.visit(schema.additionalProperties, part);
    }
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

/** The default of a reference's name is `""`, which goes without saying. */
function isWorthPutting({ default: value, zero }: Schema): boolean {
  return value !== undefined && !(value === '' && zero === 'omit');
}
