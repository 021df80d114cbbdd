/**
 * Text → syntax tree, by recursive descent over CEL's grammar:
 *
 *   expr = or ['?' or ':' expr]   or = and {'||' and}   and = relation {'&&' relation}
 *   relation = sum {relop sum}    sum = product {+|- product}    product = unary {*|/|% unary}
 *   unary = {'!'} member | {'-'} member
 *   member = primary {'.' ['?'] name ['(' args ')'] | '[' ['?'] expr ']' | '{' fields '}'}
 *
 * Errors are worded as those of the parser that Kubernetes uses; the first that is more than a token too many ends
 * the parse, since nobody reads what a guess makes of the rest. Depth and length are bounded.
 */
import {
  type Call,
  childrenOf,
  type Expr,
  type MapEntry,
  qualifiedName,
  type StructField,
} from './ast.js';
import {
  FIELD_NAME,
  FIRST_ARGUMENT,
  FIRST_ELEMENT,
  FIRST_ENTRY,
  FIRST_FIELD,
  KEYWORDS,
  OPERAND,
  PRODUCTS,
  RELATIONS,
  RESERVED,
  SUMS,
} from './grammar.js';
import type { Issue } from './issues.js';
import { type Token, tokenize } from './lexer.js';
import { expandMacro } from './macros.js';
import { numberValue } from './number-literal.js';
import { unquote } from './string-literal.js';
import { beginsOperand, MAX_DEPTH, Stop, TokenStream } from './token-stream.js';
import type { Value } from './values.js';

const MAX_CODE_POINTS = 100_000;
/** Levels of the finished tree, in which a macro counts several times. */
const MAX_TREE_DEPTH = 4 * MAX_DEPTH;

export interface Parsed {
  readonly expr: Expr | undefined;
  readonly issues: readonly Issue[];
}

/** `bindings`: with the macro `cel.bind`. */
export function parse(source: readonly string[], bindings = false): Parsed {
  if (source.length > MAX_CODE_POINTS) {
    const message = `expression code point size exceeds limit: size: ${source.length}, limit ${MAX_CODE_POINTS}`;
    return { expr: undefined, issues: [{ at: -1, message }] };
  }
  const issues: Issue[] = [];
  const parser = new Parser(tokenize(source, issues), issues, bindings);
  let expr: Expr | undefined;
  try {
    expr = parser.whole();
  } catch (err) {
    if (!(err instanceof Stop)) throw err;
  }
  if (expr && deeperThan(expr, MAX_TREE_DEPTH)) {
    issues.push({ at: -1, message: `expression recursion limit exceeded: ${MAX_DEPTH}` });
    expr = undefined;
  }
  return { expr, issues };
}

/** Whether the tree has more levels than later walks over it may recurse. */
function deeperThan(expr: Expr, levels: number): boolean {
  if (levels === 0) return true;
  return childrenOf(expr).some((child) => deeperThan(child, levels - 1));
}

class Parser extends TokenStream {
  constructor(
    tokens: readonly Token[],
    issues: Issue[],
    private readonly bindings: boolean,
  ) {
    super(tokens, issues);
  }

  whole(): Expr {
    const expr = this.expr();
    if (this.token.kind !== 'eof') this.unexpected('<EOF>', ({ kind }) => kind === 'eof');
    return expr;
  }

  private expr(): Expr {
    return this.nested(() => {
      const test = this.logical('||', () => this.logical('&&', () => this.relation()));
      const mark = this.token;
      if (!this.take('?')) return test;
      const yes = this.logical('||', () => this.logical('&&', () => this.relation()));
      this.expect(':');
      return call(mark, '_?_:_', [test, yes, this.expr()]);
    });
  }

  /** A long chain becomes a balanced tree, so that its depth is small. */
  private logical(op: '||' | '&&', operand: () => Expr): Expr {
    const operands = [operand()];
    const marks: Token[] = [];
    for (let mark = this.token; this.take(op); mark = this.token) {
      marks.push(mark);
      operands.push(operand());
    }
    const balance = (from: number, to: number): Expr => {
      const only = operands[from];
      if (from === to && only) return only;
      const middle = (from + to) >> 1;
      const mark = marks[middle] ?? this.token;
      return call(mark, `_${op}_`, [balance(from, middle), balance(middle + 1, to)]);
    };
    return balance(0, operands.length - 1);
  }

  private relation(): Expr {
    return this.leftAssociative(RELATIONS, () =>
      this.leftAssociative(SUMS, () => this.leftAssociative(PRODUCTS, () => this.unary())),
    );
  }

  private leftAssociative(ops: ReadonlySet<string>, operand: () => Expr): Expr {
    let left = operand();
    let length = 0;
    for (let mark = this.token; isOp(mark, ops); mark = this.token) {
      if (++length > MAX_DEPTH) this.tooDeep();
      this.next++;
      left = call(mark, mark.text === 'in' ? '@in' : `_${mark.text}_`, [left, operand()]);
    }
    return left;
  }

  private unary(): Expr {
    const mark = this.token;
    for (const [op, name] of [
      ['!', '!_'],
      ['-', '-_'],
    ] as const) {
      if (mark.kind !== 'op' || mark.text !== op) continue;
      if (op === '-') {
        const literal = this.ahead(1);
        if (literal.kind === 'int' || literal.kind === 'float') {
          this.next += 1;
          return this.suffixes(this.number(literal, '-', mark.at));
        }
      }
      let count = 0;
      while (this.take(op)) count++;
      const operand = this.suffixes(this.primary());
      return count % 2 === 0 ? operand : call(mark, name, [operand]);
    }
    return this.suffixes(this.primary());
  }

  private suffixes(primary: Expr): Expr {
    let left = primary;
    for (let length = 0; ; length++) {
      if (length > MAX_DEPTH) this.tooDeep();
      const mark = this.token;
      if (this.take('.')) left = this.field(left, mark);
      else if (this.take('[')) {
        const optional = this.take('?');
        const index = this.expr();
        this.expect(']');
        left = call(mark, optional ? '_[?_]' : '_[_]', [left, index]);
      } else if (mark.text === '{' && mark.kind === 'op') {
        const name = qualifiedName(left);
        if (name === undefined) return left;
        this.next++;
        left = { kind: 'struct', at: mark.at, name, fields: this.fields() };
      } else return left;
    }
  }

  private field(operand: Expr, mark: Token): Expr {
    const optional = this.take('?');
    const name = this.token;
    if (KEYWORDS.has(name.text) && name.kind === 'ident')
      this.fail(name, `mismatched input '${name.text}' expecting IDENTIFIER`);
    if (name.kind !== 'ident' && name.kind !== 'escaped')
      this.fail(name, `no viable alternative at input '.${name.kind === 'eof' ? '' : name.text}'`);
    this.next++;
    const field = this.fieldName(name);
    const open = this.token;
    if (!optional && name.kind === 'ident' && this.take('(')) {
      const args = this.list(')');
      return this.expand({ kind: 'call', at: open.at, name: field, target: operand, args });
    }
    if (optional) {
      return call(mark, '_?._', [operand, { kind: 'literal', at: name.at, value: field }]);
    }
    return { kind: 'select', at: mark.at, operand, field, test: false, optional: false };
  }

  private primary(): Expr {
    const token = this.token;
    switch (token.kind) {
      case 'int':
      case 'uint':
      case 'float':
        return this.number(token, '', token.at);
      case 'string':
      case 'bytes': {
        this.next++;
        const quoted = unquote(token.text);
        if (typeof quoted === 'string') {
          this.report(token, quoted);
          throw new Stop();
        }
        return literal(token, token.kind === 'string' ? quoted.text : quoted.bytes);
      }
      case 'ident':
        return this.identifier(token, '');
      case 'op':
        return this.bracketed(token);
      default:
        return this.missing();
    }
  }

  private bracketed(token: Token): Expr {
    switch (token.text) {
      case '(': {
        this.next++;
        const expr = this.expr();
        this.expect(')');
        return expr;
      }
      case '[': {
        this.next++;
        const optional = new Set<number>();
        const elements: Expr[] = [];
        this.begin(']', FIRST_ELEMENT);
        while (!this.at(']')) {
          if (this.take('?')) optional.add(elements.length);
          elements.push(this.expr());
          if (!this.take(',')) break;
        }
        this.expect(']');
        return { kind: 'list', at: token.at, elements, optional };
      }
      case '{': {
        this.next++;
        const entries: MapEntry[] = [];
        this.begin('}', FIRST_ENTRY);
        while (!this.at('}')) {
          const optional = this.take('?');
          const key = this.expr();
          const mark = this.token;
          this.expect(':');
          entries.push({ at: mark.at, key, value: this.expr(), optional });
          if (!this.take(',')) break;
        }
        this.expect('}');
        return { kind: 'map', at: token.at, entries };
      }
      case '.': {
        const name = this.ahead(1);
        if (name.kind !== 'ident' || KEYWORDS.has(name.text)) {
          this.fail(name, `mismatched input '${name.text}' expecting IDENTIFIER`);
        }
        this.next++;
        return this.identifier(name, '.');
      }
      default:
        return this.missing();
    }
  }

  private identifier(token: Token, dot: string): Expr {
    if (token.text === 'in' && dot === '') return this.missing();
    this.next++;
    if (dot === '') {
      if (token.text === 'true' || token.text === 'false')
        return literal(token, token.text === 'true');
      if (token.text === 'null') return literal(token, null);
    }

    if (RESERVED.has(token.text)) {
      this.report(token, `reserved identifier: ${token.text}`);
    }
    const open = this.token;
    if (this.take('(')) {
      const args = this.list(')');
      return this.expand({ kind: 'call', at: open.at, name: dot + token.text, args });
    }
    return { kind: 'ident', at: token.at, name: dot + token.text };
  }

  /** An operand, where there is something else. */
  private missing(): Expr {
    this.unexpected(OPERAND);
    return this.primary();
  }

  /** What is neither an operand nor the end. */
  private begin(close: string, expected: string): void {
    const optional = close !== ')' && this.at('?');
    if (!optional && !this.at(close) && !beginsOperand(this.token)) this.unexpected(expected);
  }

  private list(close: string): Expr[] {
    const items: Expr[] = [];
    this.begin(close, FIRST_ARGUMENT);
    if (!this.at(close)) {
      do items.push(this.expr());
      while (this.take(','));
    }
    this.expect(close);
    return items;
  }

  private fields(): StructField[] {
    const fields: StructField[] = [];
    while (!this.at('}')) {
      const optional = this.take('?');
      if (!isName(this.token)) this.unexpected(optional ? FIELD_NAME : FIRST_FIELD, isName);
      const name = this.token;
      this.next++;
      const mark = this.token;
      this.expect(':');
      const text = this.fieldName(name);
      fields.push({ at: mark.at, name: text, value: this.expr(), optional });
      if (!this.take(',')) break;
    }
    this.expect('}');
    return fields;
  }

  /** Kubernetes' expressions have no names in backticks: fields are escaped otherwise. */
  private fieldName(name: Token): string {
    if (name.kind === 'escaped') this.report(name, "unsupported syntax: '`'");
    return name.text;
  }

  private number(token: Token, sign: '' | '-', at: number): Expr {
    this.next++;
    const value = numberValue(token, sign);
    if (value !== undefined) return { kind: 'literal', at, value };
    const kind = token.kind === 'float' ? 'double' : token.kind;
    this.issues.push({ at, message: `invalid ${kind} literal` });
    return { kind: 'literal', at, value: 0 };
  }

  private expand(expr: Call): Expr {
    const expanded = expandMacro(expr, this.bindings);
    if (expanded === undefined) return expr;
    if ('kind' in expanded) return expanded;
    this.issues.push(expanded);
    return expr;
  }
}

function isName({ kind }: Token): boolean {
  return kind === 'ident' || kind === 'escaped';
}

function isOp(token: Token, ops: ReadonlySet<string>): boolean {
  return (
    (token.kind === 'op' || (token.kind === 'ident' && token.text === 'in')) && ops.has(token.text)
  );
}

function literal(token: Token, value: Value): Expr {
  return { kind: 'literal', at: token.at, value };
}

function call(mark: Token, name: string, args: readonly Expr[]): Expr {
  return { kind: 'call', at: mark.at, name, args };
}
