/**
 * The tokens of an expression as its parser takes them, one after the other, and what it says of one that cannot
 * stand where it stands. One that is too many is left out; any other such token ends the parse.
 */
import { OPERAND } from './grammar.js';
import type { Issue } from './issues.js';
import type { Token } from './lexer.js';

/** As upstream: deeper expressions are refused. */
export const MAX_DEPTH = 250;

/** Ends the parse; its issue is recorded. */
export class Stop {}

export class TokenStream {
  protected next = 0;
  private depth = 0;

  constructor(
    private readonly tokens: readonly Token[],
    protected readonly issues: Issue[],
  ) {}

  protected get token(): Token {
    return this.ahead(0);
  }

  protected ahead(by: number): Token {
    const token = this.tokens[Math.min(this.next + by, this.tokens.length - 1)];
    if (!token) throw new Error('the tokens have no end');
    return token;
  }

  protected at(op: string): boolean {
    const token = this.token;
    return token.kind === 'op' && token.text === op;
  }

  protected take(op: string): boolean {
    if (!this.at(op)) return false;
    this.next++;
    return true;
  }

  protected expect(op: string): void {
    if (this.take(op)) return;
    const token = this.token;
    if (token.kind === 'eof' && op === ')') this.fail(token, `missing ')' at '<EOF>'`);
    const expected = op === ']' || op === '}' ? `{'${op}', ','}` : `'${op}'`;
    this.fail(token, `mismatched input '${token.text}' expecting ${expected}`);
  }

  /** For the caller's frames of recursion, which are freed when it returns. */
  protected nested<T>(parse: () => T): T {
    if (++this.depth > MAX_DEPTH) this.tooDeep();
    const result = parse();
    this.depth--;
    return result;
  }

  protected tooDeep(): never {
    this.issues.push({ at: -1, message: `expression recursion limit exceeded: ${MAX_DEPTH}` });
    throw new Stop();
  }

  /** A token that cannot stand here. Where `goesOn` says that what is behind it can, it is left out. */
  protected unexpected(expected: string, goesOn: (token: Token) => boolean = beginsOperand): void {
    const { token } = this;
    const after = this.ahead(1);
    if (token.kind !== 'eof' && goesOn(after)) {
      this.syntax(token, `extraneous input '${token.text}' expecting ${expected}`);
      this.next++;
      return;
    }
    this.syntax(token, `mismatched input '${token.text}' expecting ${expected}`);
    if (token.kind !== 'eof' && after.kind === 'eof' && expected === OPERAND)
      this.syntax(after, `mismatched input '<EOF>' expecting ${expected}`);
    throw new Stop();
  }

  protected fail(token: Token, message: string): never {
    this.syntax(token, message);
    throw new Stop();
  }

  protected report(token: Token, message: string): void {
    this.issues.push({ at: token.at, message });
  }

  private syntax(token: Token, message: string): void {
    this.report(token, `Syntax error: ${message}`);
  }
}

const OPERAND_STARTS = ['[', '{', '(', '.', '-', '!'];

/** Whether it may be the first token of an operand. */
export function beginsOperand(token: Token): boolean {
  if (token.kind === 'op') return OPERAND_STARTS.includes(token.text);
  return token.kind !== 'eof' && token.kind !== 'escaped' && token.text !== 'in';
}
