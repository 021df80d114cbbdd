/**
 * What is wrong with an expression before it runs, in the form that Kubernetes shows:
 *
 *   ERROR: <input>:1:6: undeclared reference to 'foo' (in container '')
 *    | self.foo
 *    | .....^
 */

export interface Issue {
  /** In code points from the start; -1 where there is no place. */
  readonly at: number;
  readonly message: string;
}

/** Everything that was found; parsing and checking go on after the first. */
export class CelIssues extends Error {
  override name = 'CelIssues';
  constructor(
    source: readonly string[],
    readonly issues: readonly Issue[],
  ) {
    super(describe(source, issues));
  }
}

/** More would tell nobody more. */
const MAX_ISSUES = 100;
/** What takes more than a byte is taken to be as wide as two. */
const isWide = (char: string | undefined) => (char?.codePointAt(0) ?? 0) > 0x7f;

function describe(source: readonly string[], issues: readonly Issue[]): string {
  const sorted = issues
    .map((issue, i) => ({ issue, i }))
    .sort((a, b) => a.issue.at - b.issue.at || a.i - b.i)
    .map(({ issue }) => issue)
    .slice(0, MAX_ISSUES);
  const texts = sorted.map((issue) => format(source, issue));
  if (issues.length > MAX_ISSUES)
    texts.push(`${issues.length - MAX_ISSUES} more errors were truncated`);
  return texts.join('\n');
}

function format(source: readonly string[], { at, message }: Issue): string {
  if (at < 0) return `ERROR: <input>:-1:0: ${message}`;
  let line = 1;
  let start = 0;
  for (let i = 0; i < at; i++) {
    if (source[i] !== '\n') continue;
    line++;
    start = i + 1;
  }
  let end = source.indexOf('\n', start);
  if (end < 0) end = source.length;
  const column = at - start;
  const text = source.slice(start, end).join('').replaceAll('\t', ' ');
  const mark = source
    .slice(start, at)
    .map((char) => (isWide(char) ? '．' : '.'))
    .join('');
  return `ERROR: <input>:${line}:${column + 1}: ${message}\n | ${text}\n | ${mark}${at < end && isWide(source[at]) ? '＾' : '^'}`;
}
