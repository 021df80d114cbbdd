/**
 * Reads a configuration file field by field. What is of the wrong type, and every field that nobody has asked
 * for in the end, is an error: a word misspelt in who may come in must not be without effect.
 */
import { type FieldError, Path, typeInvalid } from '../../pkg/apimachinery/field-error.js';

type Fields = Readonly<Record<string, unknown>>;

export class ConfigFields {
  private readonly fields: Fields;
  private readonly read = new Set<string>();
  private readonly below: ConfigFields[] = [];

  constructor(
    value: unknown,
    readonly at: Path,
    private readonly errors: FieldError[],
  ) {
    this.fields = isFields(value) ? value : {};
    if (!isFields(value) && value !== undefined && value !== null)
      errors.push(typeInvalid(at, value, 'must be an object'));
  }

  static root(value: unknown, errors: FieldError[]): ConfigFields {
    return new ConfigFields(value, new Path(''), errors);
  }

  path(...names: string[]): Path {
    return this.at.child(...names);
  }

  has(name: string): boolean {
    return this.fields[name] !== undefined && this.fields[name] !== null;
  }

  /** Empty where it is absent. */
  text(name: string): string {
    const value = this.take(name);
    if (value === undefined || typeof value === 'string') return value ?? '';
    this.errors.push(typeInvalid(this.path(name), value, 'must be a string'));
    return '';
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.take(name);
    if (value === undefined || typeof value === 'boolean') return value ?? fallback;
    this.errors.push(typeInvalid(this.path(name), value, 'must be a boolean'));
    return fallback;
  }

  texts(name: string): string[] {
    return this.items(name).flatMap((value, i) => {
      if (typeof value === 'string') return [value];
      this.errors.push(typeInvalid(this.path(name).index(i), value, 'must be a string'));
      return [];
    });
  }

  /** Without fields where it is absent. */
  object(name: string): ConfigFields {
    return this.under(this.take(name), this.path(name));
  }

  objects(name: string): ConfigFields[] {
    return this.items(name).map((value, i) => this.under(value, this.path(name).index(i)));
  }

  /** Fields that there are and that nobody read. */
  unknown(): string[] {
    const own = Object.keys(this.fields).filter((name) => !this.read.has(name));
    return [
      ...own.map((name) => this.path(name).toString()),
      ...this.below.flatMap((part) => part.unknown()),
    ];
  }

  private items(name: string): readonly unknown[] {
    const value = this.take(name);
    if (value === undefined || Array.isArray(value)) return value ?? [];
    this.errors.push(typeInvalid(this.path(name), value, 'must be a list'));
    return [];
  }

  private under(value: unknown, at: Path): ConfigFields {
    const part = new ConfigFields(value, at, this.errors);
    this.below.push(part);
    return part;
  }

  private take(name: string): unknown {
    this.read.add(name);
    return this.fields[name] ?? undefined;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
