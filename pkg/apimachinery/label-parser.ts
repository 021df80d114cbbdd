/**
 * The grammar of label selectors, as `k8s.io/apimachinery/pkg/labels.Parse` reads it:
 *
 *   selector    = [ requirement { "," requirement } ]
 *   requirement = [ "!" ] KEY | KEY ( "in" | "notin" ) "(" values ")" | KEY ( "=" | "==" | "!=" | ">" | "<" ) VALUE
 *
 * A value may be empty; `in` and `notin` are operators only where one is due.
 */
import { formatFieldError, invalid } from './field-error.js';
import {
  BINARY_OPERATORS,
  newRequirement,
  type Operator,
  type Requirement,
  SelectorError,
} from './label-requirement.js';
import { isQualifiedName } from './validation/names.js';

/** Requirements in the order of the text. Throws SelectorError. */
export function parseRequirements(text: string): Requirement[] {
  return new Parser(scan(text)).parse();
}

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
