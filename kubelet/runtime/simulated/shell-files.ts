/** Commands that read and write files: busybox's names, messages and exit codes. */
import type { ContainerFiles } from './files.js';
import { out, quick, type Run, type ShellContext } from './shell-effect.js';

type Command = (args: readonly string[], ctx: ShellContext) => Run;

export const FILE_COMMANDS: Readonly<Record<string, Command>> = {
  /** Without a file it reads an empty stdin. */
  *cat(args, { files }) {
    let code = 0;
    for (const path of operands(args)) {
      if (files.presence(path) === 'absent') {
        yield missing(`cat: can't open '${path}'`);
        code = 1;
        continue;
      }
      const text = files.read(path);
      if (text) yield out(text);
    }
    return code;
  },
  touch(args, { files }) {
    for (const path of operands(args)) files.write(path, '', true);
    return quick(0);
  },
  mkdir(args, { files }) {
    for (const path of operands(args)) files.makeFolder(path);
    return quick(0);
  },
  *rm(args, { files }) {
    const force = args.some((arg) => /^-\w*f/.test(arg));
    let code = 0;
    for (const path of operands(args)) {
      if (files.presence(path) === 'absent' && !force) {
        yield missing(`rm: can't remove '${path}'`);
        code = 1;
      }
      files.remove(path);
    }
    return code;
  },
  *ls(args, { files }) {
    let code = 0;
    for (const path of operands(args)) {
      if (files.presence(path) === 'absent') {
        yield missing(`ls: ${path}`);
        code = 1;
      } else if (files.read(path) !== undefined) yield out(`${path}\n`);
      else for (const name of files.list(path)) yield out(`${name}\n`);
    }
    return code;
  },
  *cp(args, { files }) {
    return yield* copy('cp', args, files, false);
  },
  *mv(args, { files }) {
    return yield* copy('mv', args, files, true);
  },
};

/** `-e`, `-f`, `-d` and `-s` of `test`. What nobody can tell holds. */
export function fileTest(flag: string, path: string, files: ContainerFiles): boolean {
  if (files.presence(path) === 'absent') return false;
  if (flag === '-d') return files.read(path) === undefined;
  if (flag === '-f') return !files.isFolder(path);
  return flag !== '-s' || files.read(path) !== '';
}

function* copy(name: string, args: readonly string[], files: ContainerFiles, move: boolean): Run {
  const paths = operands(args);
  const target = paths.pop();
  if (target === undefined) return 1;
  for (const path of paths) {
    if (files.presence(path) === 'absent') {
      yield missing(move ? `mv: can't rename '${path}'` : `${name}: can't stat '${path}'`);
      return 1;
    }
    const into = files.isFolder(target)
      ? `${target}/${path.slice(path.lastIndexOf('/') + 1)}`
      : target;
    files.write(into, files.read(path) ?? '', false);
    if (move) files.remove(path);
  }
  return 0;
}

function operands(args: readonly string[]): string[] {
  return args.filter((arg) => !/^-./.test(arg));
}

function missing(what: string): ReturnType<typeof out> {
  return { type: 'print', text: `${what}: No such file or directory\n`, stream: 'stderr' };
}
