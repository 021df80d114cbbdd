/**
 * Reads a container's command well enough to know what it prints, how long it takes and how it ends:
 * `sh -c` scripts with `;`, `&&`, `||`, newlines, `while`, `until`, `for`, `if`, assignments, `$VAR`,
 * `$(…)`, `$((…))`, redirections and the handful of commands that examples are made of.
 *
 * Pure: a script is a generator of effects (print, wait), driven by `process.ts`, so that what a
 * container did up to a moment can be computed again after a restart.
 */
import type { ContainerFiles } from './files.js';
import { arithmetic } from './shell-arithmetic.js';
import { COMMANDS, testOf } from './shell-commands.js';
import { base, type Effect, Exit, type Run, type ShellContext } from './shell-effect.js';
import { closing, OPERATORS, tokenize } from './shell-words.js';

export type { Effect, ShellContext } from './shell-effect.js';

/** How long an unknown command of a pod that is not restarted takes. */
const UNKNOWN_COMMAND_MS = 1000;
const MAX_DEPTH = 20;
/** A loop takes time even where nothing in it does; else one that never ends would hold up the kubelet. */
const TURN_MS = 1;
const TURNS_BEFORE_REST = 100;
const SHELLS = new Set(['sh', 'bash', 'ash', 'dash']);
/** They do something to files or the network that nobody can see here, at once and with success. */
const QUIET = new Set(
  (
    'chmod chown ln grep sed awk head sort wc tee apk apt-get apt ' +
    'set export cd trap ulimit umask unset test [ [[ sync stat id dd'
  ).split(' '),
);

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
  if (known) return yield* known(argv.slice(1), ctx, (next) => runCommand(next, ctx, depth + 1));
  if (QUIET.has(name)) return 0;
  if (ctx.unknown === 'forever') yield { type: 'forever' };
  else if (ctx.unknown === 'ends') yield { type: 'wait', ms: UNKNOWN_COMMAND_MS };
  return 0;
}

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
      const isSeen = into === undefined || /^(cat|tee)$/.test(base(into));
      const target: Target = isSeen ? 'stdout' : 'nowhere';
      const code = yield* redirected(this.command(ctx, live), target, ctx.files);
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
    for (let turns = 1; ; turns++) {
      this.at = start;
      const code = yield* this.list(ctx, live);
      this.accept('do');
      const again = live && (code === 0) !== until;
      yield* this.list(ctx, again);
      this.accept('done');
      if (!again) return 0;
      if (turns % TURNS_BEFORE_REST === 0) yield { type: 'wait', ms: TURNS_BEFORE_REST * TURN_MS };
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
    let target: Target = 'stdout';
    let errors: Errors = 'stderr';
    while (this.at < this.words.length && !OPERATORS.includes(this.peek())) {
      const word = this.words[this.at++] ?? '';
      const redirect = /^([012&]?)(>>?|<)(&?)(.*)$/s.exec(word);
      if (redirect) {
        const file = redirect[4] !== '' ? redirect[4] : this.words[this.at++];
        if (redirect[2] === '<') continue;
        if (redirect[1] === '2' || redirect[1] === '&') {
          errors = file === '/dev/null' ? 'nowhere' : 'with output';
          if (redirect[1] === '2') continue;
        }
        const [name = ''] = live ? yield* this.expandWord(file ?? '', ctx) : [];
        target = targetOf(`${redirect[3] ?? ''}${name}`, ctx.messagePath);
        if (live && typeof target === 'object')
          ctx.files.write(target.file, '', redirect[2] === '>>');
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
    const tested = testOf(argv, ctx.files);
    if (tested !== undefined) return tested;
    return yield* redirected(runCommand(argv, ctx, this.depth + 1), target, ctx.files, errors);
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

type Target = 'stdout' | 'stderr' | 'message' | 'nowhere' | { readonly file: string };

type Errors = 'stderr' | 'with output' | 'nowhere';

function* redirected(
  run: Run,
  target: Target,
  files: ContainerFiles,
  errors: Errors = 'stderr',
): Run {
  for (;;) {
    const step = run.next();
    if (step.done) return step.value;
    const effect = step.value;
    const isError = effect.type === 'print' && effect.stream === 'stderr';
    if (isError && errors === 'nowhere') continue;
    if (isError && errors === 'stderr') yield effect;
    else if (effect.type !== 'print' || target === 'stdout')
      yield { ...effect, ...(isError ? { stream: 'stdout' } : {}) };
    else if (target === 'stderr') yield { ...effect, stream: 'stderr' };
    else if (target === 'message') yield { type: 'message', text: effect.text };
    else if (target !== 'nowhere') files.write(target.file, effect.text, true);
  }
}

function targetOf(file: string, messagePath: string): Target {
  if (file === '&2' || file === '/dev/stderr' || file === '/proc/1/fd/2') return 'stderr';
  if (file === '&1' || file === '/dev/stdout' || file === '/proc/1/fd/1') return 'stdout';
  if (file === messagePath) return 'message';
  return file.startsWith('/dev/') ? 'nowhere' : { file };
}
