/**
 * Reads a container's command well enough to know what it prints, how long it takes and how it ends:
 * `sh -c` scripts with `;`, `&&`, `||`, newlines, `while`, `until`, `for`, `if`, assignments, `$VAR`,
 * `$(…)`, `$((…))`, redirections and the handful of commands that examples are made of.
 *
 * Pure: a script is a generator of effects (print, wait), driven by `process.ts`, so that what a
 * container did up to a moment can be computed again after a restart.
 */

export type Effect =
  | { readonly type: 'print'; readonly text: string; readonly stream: 'stdout' | 'stderr' }
  | { readonly type: 'wait'; readonly ms: number }
  /** Runs until it is stopped. */
  | { readonly type: 'forever' }
  | { readonly type: 'message'; readonly text: string };

export interface ShellContext {
  readonly env: Map<string, string>;
  readonly hostname: string;
  /** The time inside the container, for `date`. */
  now(): number;
  /** What a command nobody knows does. */
  readonly unknown: 'forever' | 'ends';
}

/** How long an unknown command of a pod that is not restarted takes. */
const UNKNOWN_COMMAND_MS = 1000;
const MAX_DEPTH = 20;
const SHELLS = new Set(['sh', 'bash', 'ash', 'dash']);
/** They do something to files or the network that nobody can see here, at once and with success. */
const QUIET = new Set(
  (
    'mkdir touch cp mv rm chmod chown ln ls wget curl nslookup ping grep sed awk head sort wc tee apk apt-get apt ' +
    'set export cd trap ulimit umask unset test [ [[ read sync stat id dd kill'
  ).split(' '),
);

type Run = Generator<Effect, number, void>;

class Exit extends Error {
  constructor(readonly code: number) {
    super('exit');
  }
}

/** Runs an argument vector as a container's process; returns its exit code. */
export function* runProcess(argv: readonly string[], ctx: ShellContext): Run {
  try {
    return yield* runCommand(argv, ctx, 0);
  } catch (err) {
    if (err instanceof Exit) return err.code;
    throw err;
  }
}

/** Whether the command is one that `runProcess` really understands, not only passes over. */
export function isKnownCommand(argv: readonly string[]): boolean {
  const name = base(argv[0] ?? '');
  return (SHELLS.has(name) && argv.some((a) => /^-\w*c$/.test(a))) || name in COMMANDS;
}

type Command = (args: readonly string[], ctx: ShellContext, depth: number) => Run;

const COMMANDS: Record<string, Command> = {
  true: () => quick(0),
  ':': () => quick(0),
  false: () => quick(1),
  *echo(args) {
    let newline = true;
    let escapes = false;
    let at = 0;
    for (; /^-[neE]+$/.test(args[at] ?? ''); at++) {
      if (args[at]?.includes('n')) newline = false;
      if (args[at]?.includes('e')) escapes = true;
    }
    const text = args.slice(at).join(' ');
    yield out((escapes ? unescapeText(text) : text) + (newline ? '\n' : ''));
    return 0;
  },
  *printf(args) {
    const [format = '', ...rest] = args;
    let at = 0;
    yield out(
      unescapeText(format).replace(/%[sd%]/g, (spec) => (spec === '%%' ? '%' : (rest[at++] ?? ''))),
    );
    return 0;
  },
  *date(args, ctx) {
    yield out(
      `${formatDate(
        new Date(ctx.now()),
        args.find((a) => a.startsWith('+')),
      )}\n`,
    );
    return 0;
  },
  *hostname(_, ctx) {
    yield out(`${ctx.hostname}\n`);
    return 0;
  },
  *env(_, ctx) {
    yield out([...ctx.env].map(([k, v]) => `${k}=${v}\n`).join(''));
    return 0;
  },
  *printenv(args, ctx) {
    for (const [k, v] of ctx.env) {
      if (args.length === 0) yield out(`${k}=${v}\n`);
      else if (args.includes(k)) yield out(`${v}\n`);
    }
    return 0;
  },
  *sleep(args) {
    let ms = 0;
    for (const arg of args) {
      if (arg === 'infinity' || arg === 'inf') {
        yield { type: 'forever' };
        return 0;
      }
      const found = /^(\d*\.?\d+)([smhd]?)$/.exec(arg);
      if (!found) {
        yield { type: 'print', text: `sleep: invalid number '${arg}'\n`, stream: 'stderr' };
        return 1;
      }
      ms += Number(found[1]) * ({ m: 60_000, h: 3_600_000, d: 86_400_000 }[found[2] ?? ''] ?? 1000);
    }
    yield { type: 'wait', ms };
    return 0;
  },
  exit(args) {
    throw new Exit(Number(args[0] ?? 0) & 255);
  },
  /** Nothing is on stdin, so it ends at once. */
  cat: () => quick(0),
  *tail(args) {
    if (args.some((a) => /^-\w*[fF]/.test(a))) yield { type: 'forever' };
    return 0;
  },
  *pause() {
    yield { type: 'forever' };
    return 0;
  },
  *wait() {
    yield { type: 'forever' };
    return 0;
  },
  *seq(args) {
    const [from, to] =
      args.length > 1 ? [Number(args[0]), Number(args.at(-1))] : [1, Number(args[0])];
    for (let i = from; i <= Math.min(to, from + 10_000); i++) yield out(`${i}\n`);
    return 0;
  },
  *exec(args, ctx, depth) {
    if (args.length === 0) return 0;
    throw new Exit(yield* runCommand(args, ctx, depth));
  },
};

function* runCommand(argv: readonly string[], ctx: ShellContext, depth: number): Run {
  const name = base(argv[0] ?? '');
  if (depth > MAX_DEPTH) return 126;
  if (SHELLS.has(name)) {
    const at = argv.findIndex((a) => /^-\w*c$/.test(a));
    if (at > 0) {
      try {
        return yield* new Script(argv[at + 1] ?? '', depth).run(ctx);
      } catch (err) {
        if (err instanceof Exit) return err.code;
        throw err;
      }
    }
    // A shell without a script reads an empty stdin and ends.
    return 0;
  }
  const known = COMMANDS[name];
  if (known) return yield* known(argv.slice(1), ctx, depth + 1);
  if (QUIET.has(name)) return 0;
  if (ctx.unknown === 'forever') yield { type: 'forever' };
  else yield { type: 'wait', ms: UNKNOWN_COMMAND_MS };
  return 0;
}

const OPERATORS = ['&&', '||', ';;', ';', '|', '&', '\n', '(', ')'];
const OPENERS = new Set(['while', 'until', 'for', 'if', '{', '(']);
const CLOSERS = new Set(['done', 'fi', '}', ')']);
const ENDS = new Set(['done', 'do', 'then', 'else', 'elif', 'fi', '}', ')']);

/** A recursive-descent reader that runs what it reads: it skips over what does not run. */
class Script {
  private readonly words: readonly string[];
  private at = 0;

  constructor(
    text: string,
    private readonly depth: number,
  ) {
    this.words = tokenize(text);
  }

  *run(ctx: ShellContext): Run {
    return yield* this.list(ctx, true);
  }

  private *list(ctx: ShellContext, live: boolean): Run {
    let code = 0;
    while (this.at < this.words.length && !ENDS.has(this.peek())) {
      if (this.accept(';') || this.accept('\n') || this.accept('&')) continue;
      code = yield* this.andOr(ctx, live);
    }
    return code;
  }

  private *andOr(ctx: ShellContext, live: boolean): Run {
    const background = live && this.endsInBackground();
    let code = yield* this.pipeline(ctx, live && !background);
    for (;;) {
      if (this.accept('&&')) code = yield* this.next(ctx, live && !background && code === 0, code);
      else if (this.accept('||'))
        code = yield* this.next(ctx, live && !background && code !== 0, code);
      else return code;
    }
  }

  private *next(ctx: ShellContext, live: boolean, before: number): Run {
    while (this.accept('\n'));
    const code = yield* this.pipeline(ctx, live);
    return live ? code : before;
  }

  private *pipeline(ctx: ShellContext, live: boolean): Run {
    const negate = this.accept('!');
    for (;;) {
      const into = this.pipedInto();
      // What goes into a pipe is seen only if it comes out again.
      const target = into === undefined || /^(cat|tee)$/.test(base(into)) ? 'stdout' : 'nowhere';
      const code = yield* redirected(this.command(ctx, live), target);
      if (this.accept('|')) continue;
      return negate ? (code === 0 ? 1 : 0) : code;
    }
  }

  private *command(ctx: ShellContext, live: boolean): Run {
    switch (this.peek()) {
      case 'while':
      case 'until':
        return yield* this.loop(ctx, live);
      case 'for':
        return yield* this.forIn(ctx, live);
      case 'if':
        return yield* this.condition(ctx, live);
      case '{':
      case '(': {
        this.at++;
        const code = yield* this.list(ctx, live);
        this.at++;
        return code;
      }
      default:
        return yield* this.simple(ctx, live);
    }
  }

  private *loop(ctx: ShellContext, live: boolean): Run {
    const until = this.words[this.at++] === 'until';
    const start = this.at;
    for (;;) {
      this.at = start;
      const code = yield* this.list(ctx, live);
      this.accept('do');
      const again = live && (code === 0) !== until;
      yield* this.list(ctx, again);
      this.accept('done');
      if (!again) return 0;
    }
  }

  private *forIn(ctx: ShellContext, live: boolean): Run {
    this.at++;
    const name = this.words[this.at++] ?? '';
    const items: string[] = [];
    if (this.accept('in')) {
      while (this.at < this.words.length && ![';', '\n'].includes(this.peek())) {
        const word = this.words[this.at++] ?? '';
        if (live) items.push(...(yield* this.expandWord(word, ctx)));
      }
    }
    while (this.accept(';') || this.accept('\n'));
    this.accept('do');
    const start = this.at;
    for (const item of live ? items : []) {
      this.at = start;
      ctx.env.set(name, item);
      yield* this.list(ctx, true);
    }
    this.at = start;
    yield* this.list(ctx, false);
    this.accept('done');
    return 0;
  }

  private *condition(ctx: ShellContext, live: boolean): Run {
    let taken = !live;
    let code = 0;
    do {
      this.at++;
      const holds = (yield* this.list(ctx, !taken)) === 0 && !taken;
      this.accept('then');
      const result = yield* this.list(ctx, holds);
      if (holds) {
        taken = true;
        code = result;
      }
    } while (this.peek() === 'elif');
    if (this.accept('else')) {
      const result = yield* this.list(ctx, !taken);
      if (!taken) code = result;
    }
    this.accept('fi');
    return code;
  }

  private *simple(ctx: ShellContext, live: boolean): Run {
    const argv: string[] = [];
    let target: 'stdout' | 'stderr' | 'message' | 'nowhere' = 'stdout';
    while (this.at < this.words.length && !OPERATORS.includes(this.peek())) {
      const word = this.words[this.at++] ?? '';
      const redirect = /^([012&]?)(>>?|<)(&?)(.*)$/s.exec(word);
      if (redirect) {
        const file = redirect[4] !== '' ? redirect[4] : this.words[this.at++];
        if (redirect[2] === '<' || redirect[1] === '2') continue;
        target = targetOf(`${redirect[3] ?? ''}${file ?? ''}`);
        continue;
      }
      if (!live) continue;
      const assignment = argv.length === 0 ? /^([A-Za-z_]\w*)=(.*)$/s.exec(word) : null;
      if (assignment) {
        const value = yield* this.expandWord(assignment[2] ?? '', ctx);
        ctx.env.set(assignment[1] ?? '', value.join(' '));
        continue;
      }
      argv.push(...(yield* this.expandWord(word, ctx)));
    }
    if (!live || argv.length === 0) return 0;
    if (argv[0] === 'export') {
      for (const pair of argv.slice(1)) {
        const eq = pair.indexOf('=');
        if (eq > 0) ctx.env.set(pair.slice(0, eq), pair.slice(eq + 1));
      }
    }
    const tested = testOf(argv);
    if (tested !== undefined) return tested;
    return yield* redirected(runCommand(argv, ctx, this.depth + 1), target);
  }

  /** One word into its fields: quotes removed, variables and substitutions replaced, split where bare. */
  private *expandWord(word: string, ctx: ShellContext): Generator<Effect, string[], void> {
    const fields: string[] = [];
    let field = '';
    let started = false;
    let quote = '';
    for (let i = 0; i < word.length; i++) {
      const c = word[i] ?? '';
      if (quote === "'") {
        if (c === "'") quote = '';
        else field += c;
      } else if (c === "'" && quote === '') {
        quote = c;
        started = true;
      } else if (c === '"') {
        quote = quote === '"' ? '' : '"';
        started = true;
      } else if (c === '\\' && i + 1 < word.length) {
        field += word[++i];
      } else if (c === '$' || c === '`') {
        const { text, end } = yield* this.substitute(word, i, ctx);
        i = end - 1;
        if (quote === '"') field += text;
        else {
          const parts = text.split(/\s+/).filter((p) => p !== '');
          parts.forEach((part, n) => {
            if (n > 0) {
              fields.push(field);
              field = '';
            }
            field += part;
          });
        }
      } else field += c;
    }
    if (field !== '' || started) fields.push(field);
    return fields;
  }

  private *substitute(
    word: string,
    at: number,
    ctx: ShellContext,
  ): Generator<Effect, { text: string; end: number }, void> {
    if (word[at] === '`') {
      const end = word.indexOf('`', at + 1);
      return { text: yield* this.capture(word.slice(at + 1, end), ctx), end: end + 1 };
    }
    if (word.startsWith('$((', at)) {
      const end = word.indexOf('))', at);
      return { text: String(arithmetic(word.slice(at + 3, end), ctx.env)), end: end + 2 };
    }
    if (word.startsWith('$(', at)) {
      const end = closing(word, at + 1);
      return { text: yield* this.capture(word.slice(at + 2, end), ctx), end: end + 1 };
    }
    const found = /^\$(?:\{([A-Za-z_]\w*)(?::?-([^}]*))?\}|([A-Za-z_]\w*|[?$#0-9]))/.exec(
      word.slice(at),
    );
    if (!found) return { text: '$', end: at + 1 };
    const value = ctx.env.get(found[1] ?? found[3] ?? '');
    return { text: value ?? found[2] ?? '', end: at + found[0].length };
  }

  private *capture(script: string, ctx: ShellContext): Generator<Effect, string, void> {
    if (this.depth >= MAX_DEPTH) return '';
    let text = '';
    const run = new Script(script, this.depth + 1).run(ctx);
    for (let step = run.next(); !step.done; step = run.next()) {
      if (step.value.type === 'print' && step.value.stream === 'stdout') text += step.value.text;
      else yield step.value;
    }
    return text.replace(/\n+$/, '');
  }

  /** Whether the and-or list that begins here is followed by a lone `&`. */
  private endsInBackground(): boolean {
    return this.words[this.ahead([';', '\n', '&'])] === '&';
  }

  /** The command that reads what the one that begins here prints. */
  private pipedInto(): string | undefined {
    const at = this.ahead([';', '\n', '&', '|', '&&', '||']);
    return this.words[at] === '|' ? this.words[at + 1] : undefined;
  }

  /** The index of the first of these words outside of what opens from here on. */
  private ahead(stops: readonly string[]): number {
    let depth = 0;
    for (let i = this.at; i < this.words.length; i++) {
      const word = this.words[i] ?? '';
      if (OPENERS.has(word)) depth++;
      else if (CLOSERS.has(word)) depth--;
      if (depth < 0 || (depth === 0 && stops.includes(word))) return i;
    }
    return this.words.length;
  }

  private peek(): string {
    return this.words[this.at] ?? '';
  }

  private accept(word: string): boolean {
    if (this.peek() !== word || this.at >= this.words.length) return false;
    this.at++;
    return true;
  }
}

function* redirected(run: Run, target: 'stdout' | 'stderr' | 'message' | 'nowhere'): Run {
  for (;;) {
    const step = run.next();
    if (step.done) return step.value;
    const effect = step.value;
    if (effect.type !== 'print' || target === 'stdout') yield effect;
    else if (target === 'stderr') yield { ...effect, stream: 'stderr' };
    else if (target === 'message') yield { type: 'message', text: effect.text };
  }
}

function targetOf(file: string): 'stdout' | 'stderr' | 'message' | 'nowhere' {
  if (file === '&2' || file === '/dev/stderr' || file === '/proc/1/fd/2') return 'stderr';
  if (file === '&1' || file === '/dev/stdout' || file === '/proc/1/fd/1') return 'stdout';
  return file === '/dev/termination-log' ? 'message' : 'nowhere';
}

/** `[ a = b ]` and its kin; undefined for what is no test. A test of files holds. */
function testOf(argv: readonly string[]): number | undefined {
  if (!['[', 'test', '[['].includes(argv[0] ?? '')) return undefined;
  const args = argv.slice(1).filter((a) => a !== ']' && a !== ']]');
  const [a = '', op = '', b = ''] = args;
  const numeric = { '-eq': 0, '-ne': 0, '-lt': 0, '-le': 0, '-gt': 0, '-ge': 0 };
  if (op === '=' || op === '==') return a === b ? 0 : 1;
  if (op === '!=') return a !== b ? 0 : 1;
  if (op in numeric) {
    const d = Number(a) - Number(b);
    const holds =
      { '-eq': d === 0, '-ne': d !== 0, '-lt': d < 0, '-le': d <= 0, '-gt': d > 0 }[op] ?? d >= 0;
    return holds ? 0 : 1;
  }
  if (a === '-z') return op === '' ? 0 : 1;
  if (a === '-n') return op === '' ? 1 : 0;
  return 0;
}

function tokenize(text: string): string[] {
  const words: string[] = [];
  let word = '';
  const push = () => {
    if (word !== '') words.push(word);
    word = '';
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i] ?? '';
    if (c === '\\' && text[i + 1] === '\n') i++;
    else if (c === '\\') word += c + (text[++i] ?? '');
    else if (c === "'" || c === '`') {
      const end = text.indexOf(c, i + 1);
      word += text.slice(i, end < 0 ? text.length : end + 1);
      i = end < 0 ? text.length : end;
    } else if (c === '"') {
      const start = i;
      for (i++; i < text.length && text[i] !== '"'; i++) {
        if (text[i] === '\\') i++;
        else if (text.startsWith('$(', i)) i = closing(text, i + 1);
      }
      word += text.slice(start, i + 1);
    } else if (c === '$' && text[i + 1] === '(') {
      const end = closing(text, i + 1);
      word += text.slice(i, end + 1);
      i = end;
    } else if (c === '#' && word === '') {
      while (i + 1 < text.length && text[i + 1] !== '\n') i++;
    } else if (c === ' ' || c === '\t' || c === '\r') push();
    else {
      const inRedirect = c === '&' && (word.endsWith('>') || text[i + 1] === '>');
      const operator = inRedirect ? undefined : OPERATORS.find((o) => text.startsWith(o, i));
      if (operator === undefined) word += c;
      else {
        push();
        words.push(operator);
        i += operator.length - 1;
      }
    }
  }
  push();
  return words;
}

/** The index of the parenthesis that closes the one at `open`. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')' && --depth === 0) return i;
  }
  return text.length;
}

/** Whole numbers with + - * / %, left to right with the usual precedence. */
function arithmetic(expression: string, env: ReadonlyMap<string, string>): number {
  const terms = expression
    .replace(/\$?\{?([A-Za-z_]\w*)\}?/g, (_, name: string) => String(Number(env.get(name)) || 0))
    .match(/\d+|[-+*/%()]/g);
  if (!terms) return 0;
  let at = 0;
  const factor = (): number => {
    const term = terms[at++];
    if (term === '-') return -factor();
    if (term !== '(') return Number(term) || 0;
    const value = sum();
    at++;
    return value;
  };
  const product = (): number => {
    let value = factor();
    for (let op = terms[at]; op === '*' || op === '/' || op === '%'; op = terms[at]) {
      at++;
      const right = factor();
      value =
        op === '*'
          ? value * right
          : right === 0
            ? 0
            : op === '/'
              ? Math.trunc(value / right)
              : value % right;
    }
    return value;
  };
  const sum = (): number => {
    let value = product();
    for (let op = terms[at]; op === '+' || op === '-'; op = terms[at]) {
      at++;
      value = op === '+' ? value + product() : value - product();
    }
    return value;
  };
  return sum();
}

/** A command that does what it does at once. */
function* quick(code: number, effects: readonly Effect[] = []): Run {
  yield* effects;
  return code;
}

function out(text: string): Effect {
  return { type: 'print', text, stream: 'stdout' };
}

function base(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function unescapeText(text: string): string {
  return text.replace(/\\([nt\\r])/g, (_, c: string) => ({ n: '\n', t: '\t', r: '\r' })[c] ?? '\\');
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function formatDate(at: Date, format: string | undefined): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
  const day = DAYS[at.getUTCDay()] ?? '';
  const month = MONTHS[at.getUTCMonth()] ?? '';
  if (!format) {
    return `${day} ${month} ${String(at.getUTCDate()).padStart(2)} ${time} UTC ${at.getUTCFullYear()}`;
  }
  const fields: Record<string, string> = {
    Y: String(at.getUTCFullYear()),
    m: two(at.getUTCMonth() + 1),
    d: two(at.getUTCDate()),
    H: two(at.getUTCHours()),
    M: two(at.getUTCMinutes()),
    S: two(at.getUTCSeconds()),
    s: String(Math.floor(at.getTime() / 1000)),
    N: String(at.getUTCMilliseconds() * 1_000_000).padStart(9, '0'),
    F: at.toISOString().slice(0, 10),
    T: time,
    Z: 'UTC',
    a: day,
    b: month,
  };
  return format.slice(1).replace(/%([a-zA-Z])/g, (all, c: string) => fields[c] ?? all);
}
