/**
 * Label selectors: the string grammar of `k8s.io/apimachinery/pkg/labels` (`x in (a,b),y,!z,k=v,n>1`)
 * and the `LabelSelector` object, both compiled to a `Selector` that matches a label map.
 *
 * Absent object → nothing; empty object or text → everything. Selectors are immutable and may be shared;
 * `matches` allocates nothing. Parse errors carry upstream's text; an HTTP edge makes a 400 of them.
 */
import { type FieldError, formatFieldError, invalid } from './field-error.js';
import { isQualifiedName, isValidLabelValue } from './validation/names.js';

export type Labels = Readonly<Record<string, string>>;

/** As they stand in selector text; `gt` and `lt` print as `>` and `<`. */
export type Operator = 'in' | 'notin' | '=' | '==' | '!=' | 'gt' | 'lt' | 'exists' | '!';

const BINARY_OPERATORS: readonly Operator[] = ['in', 'notin', '=', '==', '!=', 'gt', 'lt'];

export interface LabelSelectorRequirement {
  key: string;
  operator: string;
  values?: string[];
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: LabelSelectorRequirement[];
}

/** Text or an object that is no selector. */
export class SelectorError extends Error {
  override name = 'SelectorError';
}

export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

export interface Selector {
  matches(labels: Labels | undefined): boolean;
  /** It lets everything through. */
  readonly empty: boolean;
  /** It lets nothing through, by construction. */
  readonly nothing: boolean;
  readonly requirements: readonly Requirement[];
  /** The value that the key must have, if the selector asks for exactly one. */
  requiresExactMatch(key: string): string | undefined;
  /** Requirements sorted by key: equal selectors print equally. */
  toString(): string;
}

const NO_LABELS: Labels = Object.freeze({});

class Requirements implements Selector {
  readonly nothing = false;
  private readonly checks: readonly Check[];
  constructor(readonly requirements: readonly Requirement[]) {
    this.checks = requirements.map(compile);
  }
  get empty(): boolean {
    return this.checks.length === 0;
  }
  matches(labels: Labels | undefined): boolean {
    const of = labels ?? NO_LABELS;
    for (const check of this.checks) if (!check(of)) return false;
    return true;
  }
  requiresExactMatch(key: string): string | undefined {
    const found = this.requirements.find((r) => r.key === key);
    if (found?.values.length !== 1) return undefined;
    return ['=', '==', 'in'].includes(found.operator) ? found.values[0] : undefined;
  }
  toString(): string {
    return this.requirements.map(requirementToString).join(',');
  }
}

class Nothing implements Selector {
  readonly empty = false;
  readonly nothing = true;
  readonly requirements: readonly Requirement[] = [];
  matches(): boolean {
    return false;
  }
  requiresExactMatch(): undefined {
    return undefined;
  }
  toString(): string {
    return '';
  }
}

const EVERYTHING: Selector = Object.freeze(new Requirements([]));
const NOTHING: Selector = Object.freeze(new Nothing());

export function everything(): Selector {
  return EVERYTHING;
}

export function nothing(): Selector {
  return NOTHING;
}

/** Throws SelectorError with upstream's text. */
export function parseSelector(text: string): Selector {
  const requirements = new Parser(scan(text)).parse();
  return requirements.length === 0 ? EVERYTHING : new Requirements(sortByKey(requirements));
}

/** The `LabelSelector` object; throws SelectorError on an operator, key or value that is none. */
export function selectorFromObject(selector: LabelSelector | undefined | null): Selector {
  if (selector === undefined || selector === null) return NOTHING;
  const requirements: Requirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    requirements.push(newRequirement(key, '=', [value]));
  }
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const op = OBJECT_OPERATORS.get(operator);
    if (op === undefined) {
      throw new SelectorError(`${JSON.stringify(operator)} is not a valid label selector operator`);
    }
    requirements.push(newRequirement(key, op, values ?? []));
  }
  return requirements.length === 0 ? EVERYTHING : new Requirements(sortByKey(requirements));
}

/** Requirements that are checked already; none is everything. */
export function selectorFromRequirements(requirements: readonly Requirement[]): Selector {
  return requirements.length === 0 ? EVERYTHING : new Requirements(sortByKey([...requirements]));
}

/** A plain map, as `spec.selector` of Services and ReplicationControllers; unchecked, empty is everything. */
export function selectorFromSet(labels: Labels | undefined | null): Selector {
  const requirements = Object.entries(labels ?? {}).map(
    ([key, value]): Requirement => ({ key, operator: '=', values: [value] }),
  );
  return requirements.length === 0 ? EVERYTHING : new Requirements(sortByKey(requirements));
}

/** Checked as upstream's NewRequirement; throws SelectorError with all faults. */
export function newRequirement(
  key: string,
  operator: Operator,
  values: readonly string[],
): Requirement {
  const errors: FieldError[] = [];
  const keyMessages = isQualifiedName(key);
  if (keyMessages.length > 0) errors.push(invalid('key', key, keyMessages.join('; ')));
  switch (operator) {
    case 'in':
    case 'notin':
      if (values.length === 0) {
        errors.push(
          invalid('values', values, "for 'in', 'notin' operators, values set can't be empty"),
        );
      }
      break;
    case '=':
    case '==':
    case '!=':
      if (values.length !== 1) {
        errors.push(
          invalid('values', values, 'exact-match compatibility requires one single value'),
        );
      }
      break;
    case 'exists':
    case '!':
      if (values.length !== 0) {
        errors.push(
          invalid('values', values, 'values set must be empty for exists and does not exist'),
        );
      }
      break;
    case 'gt':
    case 'lt':
      if (values.length !== 1) {
        errors.push(
          invalid('values', values, "for 'Gt', 'Lt' operators, exactly one value is required"),
        );
      }
      values.forEach((value, i) => {
        if (parseInt64(value) === undefined) {
          errors.push(
            invalid(
              `values[${i}]`,
              value,
              "for 'Gt', 'Lt' operators, the value must be an integer",
            ),
          );
        }
      });
  }
  values.forEach((value, i) => {
    const messages = isValidLabelValue(value);
    if (messages.length > 0) {
      errors.push(invalid(`values[${i}][${key}]`, value, messages.join('; ')));
    }
  });
  if (errors.length > 0) {
    const texts = [...new Set(errors.map(formatFieldError))];
    throw new SelectorError(texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`);
  }
  return { key, operator, values: [...values] };
}

/** The LabelSelector of selector text (`kubectl expose`, PodDisruptionBudget of a scale); throws on > and <. */
export function parseToLabelSelector(text: string): LabelSelector {
  let parsed: Selector;
  try {
    parsed = parseSelector(text);
  } catch (err) {
    throw new SelectorError(
      `couldn't parse the selector string "${text}": ${err instanceof Error ? err.message : String(err)}`,
      { cause: err },
    );
  }
  const matchLabels: Record<string, string> = {};
  const matchExpressions: LabelSelectorRequirement[] = [];
  for (const { key, operator, values } of parsed.requirements) {
    if (operator === '=' || operator === '==') {
      matchLabels[key] = values[0] ?? '';
      continue;
    }
    const name = [...OBJECT_OPERATORS].find(([, op]) => op === operator)?.[0];
    if (name === undefined) {
      const why =
        operator === 'gt' || operator === 'lt'
          ? "isn't supported in label selectors"
          : 'is not a valid label selector operator';
      throw new SelectorError(`${JSON.stringify(operator)} ${why}`);
    }
    matchExpressions.push({
      key,
      operator: name,
      ...(values.length ? { values: [...values] } : {}),
    });
  }
  return { matchLabels, matchExpressions };
}

/** `kubectl` and `/scale` show a LabelSelector this way: `a=b,c in (d,e)`; `<none>` when empty, `<error>` when bad. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  try {
    const text = selectorFromObject(selector).toString();
    return text === '' ? '<none>' : text;
  } catch (err) {
    if (err instanceof SelectorError) return '<error>';
    throw err;
  }
}

/** `in` is listed first so that a reverse look-up finds it; `!=` prints as NotIn, as upstream. */
const OBJECT_OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ['In', 'in'],
  ['NotIn', 'notin'],
  ['Exists', 'exists'],
  ['DoesNotExist', '!'],
]);

// --- matching ---

type Check = (labels: Labels) => boolean;

function compile({ key, operator, values }: Requirement): Check {
  const first = values[0];
  const has = (labels: Labels) => labels[key] !== undefined && Object.hasOwn(labels, key);
  switch (operator) {
    case 'exists':
      return has;
    case '!':
      return (labels) => !has(labels);
    case 'gt':
    case 'lt': {
      const bound = parseInt64(first ?? '');
      if (bound === undefined) return () => false;
      const wanted = operator === 'gt' ? 1 : -1;
      return (labels) => {
        const value = has(labels) ? parseInt64(labels[key] ?? '') : undefined;
        if (value === undefined) return false;
        return value === bound ? false : value > bound ? wanted === 1 : wanted === -1;
      };
    }
    case 'in':
    case '=':
    case '==':
      // A value is a string, so nothing inherited from Object.prototype can equal it.
      if (values.length === 1) return (labels) => labels[key] === first;
      return (labels) => values.includes(labels[key] as string);
    case 'notin':
    case '!=':
      if (values.length === 1) return (labels) => labels[key] !== first;
      return (labels) => !values.includes(labels[key] as string);
  }
}

function requirementToString({ key, operator, values }: Requirement): string {
  const sorted = values.length > 1 ? [...values].sort() : values;
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${sorted.join(',')})`;
    case 'gt':
      return `${key}>${sorted.join(',')}`;
    case 'lt':
      return `${key}<${sorted.join(',')}`;
    default:
      return `${key}${operator}${sorted.join(',')}`;
  }
}

/** Go's strconv.ParseInt(s, 10, 64). */
function parseInt64(text: string): bigint | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

function sortByKey(requirements: Requirement[]): Requirement[] {
  return requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

// --- text ---

type TokenType = Operator | '(' | ')' | ',' | '>' | '<' | 'identifier' | 'end';

interface Token {
  type: TokenType;
  text: string;
}

const SYMBOLS = '=!(),><';
const BLANKS = ' \t\r\n';

function scan(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && BLANKS.includes(text.charAt(at))) at++;
    const ch = text.charAt(at);
    // Upstream reads a NUL as the end of the text.
    if (ch === '' || ch === '\0') {
      tokens.push({ type: 'end', text: '' });
      return tokens;
    }
    if (SYMBOLS.includes(ch)) {
      const pair = text.slice(at, at + 2);
      const symbol = pair === '==' || pair === '!=' ? pair : ch;
      tokens.push({ type: symbol as TokenType, text: symbol });
      at += symbol.length;
      continue;
    }
    const start = at;
    while (at < text.length && !`${SYMBOLS}${BLANKS}\0`.includes(text.charAt(at))) at++;
    const word = text.slice(start, at);
    tokens.push({ type: word === 'in' || word === 'notin' ? word : 'identifier', text: word });
  }
}

class Parser {
  private at = 0;
  constructor(private readonly tokens: readonly Token[]) {}

  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    for (;;) {
      const token = this.peek();
      if (token.type === 'end') return requirements;
      if (token.type !== 'identifier' && token.type !== '!') {
        throw new SelectorError(
          `found '${token.text}', expected: !, identifier, or 'end of string'`,
        );
      }
      requirements.push(this.requirement());
      const next = this.take();
      if (next.type === 'end') return requirements;
      if (next.type !== ',') {
        throw new SelectorError(`found '${next.text}', expected: ',' or 'end of string'`);
      }
      const after = this.peek();
      if (after.type !== 'identifier' && after.type !== '!') {
        throw new SelectorError(`found '${after.text}', expected: identifier after ','`);
      }
    }
  }

  private requirement(): Requirement {
    try {
      return this.keyAndRest();
    } catch (err) {
      if (!(err instanceof SelectorError)) throw err;
      throw new SelectorError(`unable to parse requirement: ${err.message}`, { cause: err });
    }
  }

  private keyAndRest(): Requirement {
    let token = this.take();
    const absent = token.type === '!';
    if (absent) token = this.take();
    if (token.type !== 'identifier') {
      throw new SelectorError(`found '${token.text}', expected: identifier`);
    }
    const key = token.text;
    const messages = isQualifiedName(key);
    if (messages.length > 0) {
      // There is no field here, which is what upstream prints.
      throw new SelectorError(formatFieldError(invalid('<nil>', key, messages.join('; '))));
    }
    if (absent) return newRequirement(key, '!', []);
    const next = this.peek();
    if (next.type === 'end' || next.type === ',') return newRequirement(key, 'exists', []);
    const operator = this.operator();
    const values = operator === 'in' || operator === 'notin' ? this.values() : [this.exactValue()];
    return newRequirement(key, operator, [...new Set(values)].sort());
  }

  private operator(): Operator {
    const token = this.takeOperator();
    if (token.type === '>') return 'gt';
    if (token.type === '<') return 'lt';
    const found = BINARY_OPERATORS.find((op) => op === token.type);
    if (found === undefined) {
      throw new SelectorError(`found '${token.text}', expected: ${BINARY_OPERATORS.join(', ')}`);
    }
    return found;
  }

  private values(): string[] {
    const open = this.take();
    if (open.type !== '(') throw new SelectorError(`found '${open.text}' expected: '('`);
    const first = this.peek();
    if (first.type === ')') {
      this.take();
      return [''];
    }
    if (first.type !== 'identifier' && first.type !== ',') {
      throw new SelectorError(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    const values = this.valueList();
    if (this.take().type !== ')') {
      throw new SelectorError(`found '${first.text}', expected: ')'`);
    }
    return values;
  }

  /** Up to the closing parenthesis, which stays; nothing between two commas is the empty value. */
  private valueList(): string[] {
    const values: string[] = [];
    for (;;) {
      const token = this.take();
      if (token.type === 'identifier') {
        values.push(token.text);
        const next = this.peek();
        if (next.type === ')') return values;
        if (next.type !== ',') {
          throw new SelectorError(`found '${next.text}', expected: ',' or ')'`);
        }
      } else if (token.type === ',') {
        if (values.length === 0) values.push('');
        const next = this.peek();
        if (next.type === ',' || next.type === ')') values.push('');
        if (next.type === ')') return values;
      } else {
        throw new SelectorError(`found '${token.text}', expected: ',', or identifier`);
      }
    }
  }

  private exactValue(): string {
    const next = this.peek();
    if (next.type === 'end' || next.type === ',') return '';
    const token = this.take();
    if (token.type !== 'identifier') {
      throw new SelectorError(`found '${token.text}', expected: identifier`);
    }
    return token.text;
  }

  /** `in` and `notin` are identifiers but where an operator is due. */
  private peek(): Token {
    return asIdentifier(this.tokens[this.at] ?? END);
  }
  private take(): Token {
    return asIdentifier(this.takeOperator());
  }
  private takeOperator(): Token {
    return this.tokens[this.at++] ?? END;
  }
}

const END: Token = { type: 'end', text: '' };

function asIdentifier(token: Token): Token {
  return token.type === 'in' || token.type === 'notin'
    ? { type: 'identifier', text: token.text }
    : token;
}
