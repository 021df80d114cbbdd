/** The commands that examples are made of, as a shell in a simulated container knows them. */
import type { ContainerFiles } from './files.js';
import { piDigits } from './pi.js';
import { formatDate } from './shell-date.js';
import { Exit, out, quick, type Run, type ShellContext } from './shell-effect.js';
import { FILE_COMMANDS, fileTest } from './shell-files.js';
import { NETWORK_COMMANDS } from './shell-network.js';

/** A script of perl's, whatever it does. */
const PERL_MS = 1000;

/** `run` starts another command in this one's place. */
type Command = (
  args: readonly string[],
  ctx: ShellContext,
  run: (argv: readonly string[]) => Run,
) => Run;

export const COMMANDS: Record<string, Command> = {
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
  *perl(args, ctx) {
    const digits = /^\s*print\s+bpi\((\d+)\)\s*;?\s*$/.exec(args.at(-1) ?? '')?.[1];
    if (ctx.unknown === 'forever' && digits === undefined) yield { type: 'forever' };
    else if (ctx.unknown !== 'passes') yield { type: 'wait', ms: PERL_MS };
    if (digits !== undefined) yield out(`${piDigits(Number(digits))}\n`);
    return 0;
  },
  kill: (args, ctx) => quick(ctx.isStopping && args[0] === '-0' ? 1 : 0),
  killall: (_, ctx) => quick(ctx.isStopping ? 1 : 0),
  pgrep: (_, ctx) => quick(ctx.isStopping ? 1 : 0),
  pidof: (_, ctx) => quick(ctx.isStopping ? 1 : 0),
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
  /** Nothing comes in: it is at the end at once, as `while read` is told that it is done. */
  read: () => quick(1),
  ...FILE_COMMANDS,
  ...NETWORK_COMMANDS,
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
  *exec(args, _ctx, run) {
    if (args.length === 0) return 0;
    throw new Exit(yield* run(args));
  },
};

/** `[ a = b ]` and its kin; undefined for what is no test. */
export function testOf(argv: readonly string[], files: ContainerFiles): number | undefined {
  if (!['[', 'test', '[['].includes(argv[0] ?? '')) return undefined;
  const args = argv.slice(1).filter((a) => a !== ']' && a !== ']]');
  if (args[0] === '!') return testOf(['test', ...args.slice(1)], files) === 0 ? 1 : 0;
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
  if (/^-[efdsrwx]$/.test(a) && op !== '') return fileTest(a, op, files) ? 0 : 1;
  return 0;
}

function unescapeText(text: string): string {
  return text.replace(/\\([nt\\r])/g, (_, c: string) => ({ n: '\n', t: '\t', r: '\r' })[c] ?? '\\');
}
