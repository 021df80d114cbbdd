/**
 * Flags as Kubernetes' components take them: `--flag=value` or `--flag value`; a switch alone, or with
 * `=true|false`; durations as Go writes them (`1m30s`); lists with commas. An unknown flag is an error.
 */
import { Command, InvalidArgumentError } from 'commander';
import { parseDuration } from '../apimachinery/duration.js';

export class Flags {
  private readonly command: Command;
  private readonly values: Record<string, unknown> = {};
  private readonly given = new Set<string>();

  constructor(name: string, description: string) {
    this.command = new Command(name).description(description).allowExcessArguments(false);
  }

  text(flag: string, description: string, fallback = ''): this {
    return this.define(`--${flag} <text>`, flag, description, fallback, (value) => value);
  }

  integer(flag: string, description: string, fallback: number): this {
    return this.define(`--${flag} <n>`, flag, description, fallback, (value) => {
      if (!/^-?\d+$/.test(value)) throw new InvalidArgumentError('it must be a whole number');
      return Number(value);
    });
  }

  /** In milliseconds. `fallback` is written as a user would write it. */
  duration(flag: string, description: string, fallback: string): this {
    const parse = (value: string) => {
      try {
        return parseDuration(value);
      } catch (err) {
        throw new InvalidArgumentError(err instanceof Error ? err.message : String(err));
      }
    };
    return this.define(`--${flag} <duration>`, flag, description, parse(fallback), parse);
  }

  boolean(flag: string, description: string, fallback: boolean): this {
    return this.define(`--${flag} [bool]`, flag, description, fallback, (value) => {
      if (/^(1|t|true)$/i.test(value)) return true;
      if (/^(0|f|false)$/i.test(value)) return false;
      throw new InvalidArgumentError('it must be true or false');
    });
  }

  /** Comma-separated, and the flag may be repeated. */
  list(flag: string, description: string, fallback: readonly string[] = []): this {
    let given: string[] | undefined;
    return this.define(`--${flag} <list>`, flag, description, fallback, (value) => {
      given = [...(given ?? []), ...value.split(',').filter((part) => part !== '')];
      return given;
    });
  }

  /** Ends the process with the usage for `--help` and with exit code 1 for a flag that is wrong. */
  parse(argv: readonly string[]): FlagValues {
    this.command.action((options: Record<string, unknown>) => {
      for (const option of this.command.options) {
        const given = options[option.attributeName()];
        const flag = option.long?.slice(2) ?? '';
        if (given !== undefined) this.given.add(flag);
        // A switch without a value.
        this.values[flag] = given === true ? true : (given ?? this.values[flag]);
      }
    });
    this.command.parse(argv, { from: 'user' });
    return new FlagValues(this.values, this.given);
  }

  private define(
    spec: string,
    flag: string,
    description: string,
    fallback: unknown,
    parse: (value: string) => unknown,
  ): this {
    this.command.option(spec, description, parse);
    this.values[flag] = fallback;
    return this;
  }
}

/** Values by flag. Asking for a flag under another type than it was defined with is a programming error. */
export class FlagValues {
  constructor(
    private readonly values: Readonly<Record<string, unknown>>,
    private readonly given: ReadonlySet<string>,
  ) {}

  /** Whether the user said it, and it is not only the default. */
  isGiven(flag: string): boolean {
    return this.given.has(flag);
  }

  text(flag: string): string {
    return this.get(flag, (value): value is string => typeof value === 'string');
  }
  /** Also a duration, in milliseconds. */
  number(flag: string): number {
    return this.get(flag, (value): value is number => typeof value === 'number');
  }
  boolean(flag: string): boolean {
    return this.get(flag, (value): value is boolean => typeof value === 'boolean');
  }
  list(flag: string): readonly string[] {
    return this.get(flag, (value): value is readonly string[] => Array.isArray(value));
  }

  private get<T>(flag: string, is: (value: unknown) => value is T): T {
    const value = this.values[flag];
    if (!is(value)) throw new Error(`flag --${flag} was not defined with this type`);
    return value;
  }
}
