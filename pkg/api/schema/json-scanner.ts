/**
 * What `JSON.parse` does not tell: why a text is no JSON, in the words of Go's decoder, and which fields
 * stand twice. Bodies are parsed by `JSON.parse`; this scanner runs over a text only when something is
 * wrong with it, and `countMembers` over those whose sender asks for duplicate fields.
 */

/** Kubernetes stops collecting strict errors here. */
const MAX_DUPLICATES = 100;

/**
 * The number of members that all objects of a valid JSON text have together: its colons outside of strings.
 * More of them than fields after parsing means that a field stood twice.
 */
export function countMembers(json: string): number {
  let members = 0;
  let at = 0;
  for (;;) {
    const open = json.indexOf('"', at);
    if (open < 0) return members;
    let close = json.indexOf('"', open + 1);
    while (close > 0 && isEscaped(json, close)) close = json.indexOf('"', close + 1);
    if (close < 0) return members;
    at = close + 1;
    let next = json.charCodeAt(at);
    while (next === 32 || next === 10 || next === 13 || next === 9) next = json.charCodeAt(++at);
    if (next === 58) members++;
  }
}

/** An odd number of backslashes stands before it. */
function isEscaped(json: string, at: number): boolean {
  let slashes = 0;
  while (json.charCodeAt(at - 1 - slashes) === 92) slashes++;
  return slashes % 2 === 1;
}

/** The paths of all fields that stand twice in one object, `spec.containers[0].name`; the text is valid JSON. */
export function duplicateFields(json: string): string[] {
  const scanner = new Scanner(json);
  scanner.document();
  return scanner.duplicates;
}

/** A number with a fraction or an exponent, outside of strings or in one that looks like JSON. */
const MAYBE_FRACTION = /[:,[]\s*-?\d+(?:\.\d+(?:[eE][-+]?\d+)?|[eE][-+]?\d+)\s*[,}\]]/;

export interface Fraction {
  /** Fields and indexes. */
  readonly path: readonly (string | number)[];
  /** As it was written: `1.0`, `1e3`. */
  readonly literal: string;
}

/** The numbers that are not written as integers, even if they are: `1.0`. The text is valid JSON. */
export function fractions(json: string): readonly Fraction[] {
  if (!MAYBE_FRACTION.test(json)) return [];
  const scanner = new Scanner(json);
  scanner.document();
  return scanner.fractions;
}

/** `invalid character 'x' looking for beginning of value`, as Go says it; undefined where the text is JSON. */
export function explainSyntaxError(json: string): string | undefined {
  try {
    new Scanner(json).document();
    return undefined;
  } catch (err) {
    if (err instanceof SyntaxFault) return err.message;
    throw err;
  }
}

class SyntaxFault extends Error {}

class Scanner {
  readonly duplicates: string[] = [];
  readonly fractions: Fraction[] = [];
  private at = 0;
  private readonly path: (string | number)[] = [];

  constructor(private readonly json: string) {}

  document(): void {
    this.value();
    this.blank();
    if (this.at < this.json.length) this.fail('after top-level value');
  }

  private value(): void {
    this.blank();
    const char = this.json[this.at];
    if (char === '{') this.object();
    else if (char === '[') this.array();
    else if (char === '"') this.string();
    else if (char === '-' || (char !== undefined && char >= '0' && char <= '9')) this.number();
    else if (char === 't') this.word('true');
    else if (char === 'f') this.word('false');
    else if (char === 'n') this.word('null');
    else this.fail('looking for beginning of value');
  }

  private object(): void {
    const seen = new Set<string>();
    this.at++;
    this.blank();
    if (this.json[this.at] === '}') {
      this.at++;
      return;
    }
    for (;;) {
      this.blank();
      if (this.json[this.at] !== '"') this.fail('looking for beginning of object key string');
      const key = this.string();
      this.path.push(key);
      if (seen.has(key)) this.report();
      seen.add(key);
      this.blank();
      if (this.json[this.at] !== ':') this.fail('after object key');
      this.at++;
      this.value();
      this.path.pop();
      this.blank();
      const end = this.json[this.at];
      if (end !== ',' && end !== '}') this.fail('after object key:value pair');
      this.at++;
      if (end === '}') break;
    }
  }

  private array(): void {
    this.at++;
    this.blank();
    if (this.json[this.at] === ']') {
      this.at++;
      return;
    }
    for (let i = 0; ; i++) {
      this.path.push(i);
      this.value();
      this.path.pop();
      this.blank();
      const end = this.json[this.at];
      if (end !== ',' && end !== ']') this.fail('after array element');
      this.at++;
      if (end === ']') break;
    }
  }

  private string(): string {
    const start = this.at++;
    for (;;) {
      const code = this.json.charCodeAt(this.at);
      if (Number.isNaN(code) || code < 0x20) this.fail('in string literal');
      if (code === 34) break;
      if (code === 92) this.escape();
      else this.at++;
    }
    this.at++;
    const text: unknown = JSON.parse(this.json.slice(start, this.at));
    return String(text);
  }

  private escape(): void {
    this.at++;
    const char = this.json[this.at];
    if (char === 'u') {
      for (let i = 0; i < 4; i++) {
        this.at++;
        if (!/^[0-9a-fA-F]$/.test(this.json[this.at] ?? '')) {
          this.fail('in \\u hexadecimal character escape');
        }
      }
    } else if (char === undefined || !'"\\/bfnrt'.includes(char)) {
      this.fail('in string escape code');
    }
    this.at++;
  }

  private number(): void {
    const start = this.at;
    if (this.json[this.at] === '-') this.at++;
    if (this.json[this.at] === '0') this.at++;
    else this.digits('in numeric literal');
    if (this.json[this.at] === '.') {
      this.at++;
      this.digits('after decimal point in numeric literal');
    }
    if (this.json[this.at] === 'e' || this.json[this.at] === 'E') {
      this.at++;
      if (this.json[this.at] === '+' || this.json[this.at] === '-') this.at++;
      this.digits('in exponent of numeric literal');
    }
    const literal = this.json.slice(start, this.at);
    if (/[.eE]/.test(literal)) this.fractions.push({ path: [...this.path], literal });
  }

  private digits(context: string): void {
    const start = this.at;
    while ((this.json[this.at] ?? '') >= '0' && (this.json[this.at] ?? '') <= '9') this.at++;
    if (this.at === start) this.fail(context);
  }

  private word(word: string): void {
    for (let i = 1; i < word.length; i++) {
      this.at++;
      if (this.json[this.at] !== word[i]) this.fail(`in literal ${word} (expecting '${word[i]}')`);
    }
    this.at++;
  }

  private blank(): void {
    while (' \t\r\n'.includes(this.json[this.at] ?? 'x')) this.at++;
  }

  private report(): void {
    let path = '';
    for (const part of this.path) {
      if (typeof part === 'number') path += `[${part}]`;
      else path += path === '' ? part : `.${part}`;
    }
    if (this.duplicates.length < MAX_DUPLICATES && !this.duplicates.includes(path)) {
      this.duplicates.push(path);
    }
  }

  private fail(context: string): never {
    const char = this.json[this.at];
    if (char === undefined) throw new SyntaxFault('unexpected end of JSON input');
    throw new SyntaxFault(`invalid character ${quoteChar(char)} ${context}`);
  }
}

/** As Go quotes a character. */
function quoteChar(char: string): string {
  if (char === "'") return "'\\''";
  if (char === '"') return `'"'`;
  return `'${JSON.stringify(char).slice(1, -1)}'`;
}
