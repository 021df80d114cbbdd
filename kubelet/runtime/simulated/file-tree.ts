/**
 * Files by absolute path: those of one container, of one volume, or of a node. Bounded: of a file the last
 * `MAX_FILE` characters are kept, and what no longer fits is not written.
 */

const MAX_FILE = 256 * 1024;
const MAX_FILES = 1000;
/** Of all files of a tree together. */
const MAX_TREE = 8 * 1024 * 1024;

export type Presence = 'there' | 'absent' | 'unknown';

export class FileTree {
  /** Undefined: removed. */
  private readonly known = new Map<string, string | undefined>();
  private readonly folders = new Set<string>();
  private size = 0;
  /** What is not known is not there. */
  private whole = false;

  /** Everything below these paths (`/tmp/`) that was not written is not there. */
  constructor(private readonly empty: readonly string[] = []) {}

  presence(path: string): Presence {
    const file = absolute(path);
    if (this.known.get(file) !== undefined || this.isFolder(file)) return 'there';
    if (this.known.has(file)) return 'absent';
    return this.whole || this.startsEmpty(file) ? 'absent' : 'unknown';
  }

  isFolder(path: string): boolean {
    const file = absolute(path);
    if (this.folders.has(file) || this.empty.includes(below(file))) return true;
    return [...this.known].some(
      ([name, text]) => text !== undefined && name.startsWith(below(file)),
    );
  }

  /** Undefined where it is not there, or nobody can tell what stands in it. */
  read(path: string): string | undefined {
    return this.known.get(absolute(path));
  }

  list(path: string): string[] {
    const above = below(absolute(path));
    const names = new Set<string>();
    const written = [...this.known].flatMap(([name, text]) => (text === undefined ? [] : [name]));
    for (const name of [...written, ...this.folders]) {
      const [first = ''] = name.startsWith(above) ? name.slice(above.length).split('/') : [];
      if (first !== '') names.add(first);
    }
    return [...names];
  }

  write(path: string, text: string, append: boolean): void {
    const file = absolute(path);
    const before = this.known.get(file) ?? '';
    const next = (append ? before + text : text).slice(-MAX_FILE);
    const size = this.size - before.length + next.length;
    if (size > MAX_TREE || (this.known.size >= MAX_FILES && !this.known.has(file))) return;
    this.size = size;
    this.known.set(file, next);
  }

  makeFolder(path: string): void {
    if (this.folders.size < MAX_FILES) this.folders.add(absolute(path));
  }

  remove(path: string): void {
    const file = absolute(path);
    for (const name of [...this.known.keys(), file]) {
      if (name !== file && !name.startsWith(below(file))) continue;
      this.size -= this.known.get(name)?.length ?? 0;
      // Below an empty folder nothing needs to be remembered as gone.
      if (this.startsEmpty(name)) this.known.delete(name);
      else if (this.known.has(name) || this.known.size < MAX_FILES) this.known.set(name, undefined);
    }
    for (const name of this.folders) {
      if (name === file || name.startsWith(below(file))) this.folders.delete(name);
    }
  }

  /** Exactly these files, and no others. */
  replace(files: Readonly<Record<string, string>>): void {
    this.known.clear();
    this.folders.clear();
    this.size = 0;
    this.whole = true;
    for (const [path, text] of Object.entries(files)) this.write(path, text, false);
  }

  private startsEmpty(file: string): boolean {
    return this.empty.some((folder) => file.startsWith(folder));
  }
}

function below(path: string): string {
  return path === '/' ? '/' : `${path}/`;
}

/** Containers of examples work in the root folder. */
export function absolute(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
