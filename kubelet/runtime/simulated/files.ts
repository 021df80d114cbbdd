/**
 * The files of a simulated container, as far as they are known: what its commands and its probes wrote and removed.
 * What is in an image nobody knows, so a path has three answers: it is there, it is not, or nobody can tell. The
 * folders for temporary files are empty when a container starts, whatever its image.
 */

/** Everything below these that was not written is not there. */
const EMPTY_AT_START = ['/tmp/', '/var/tmp/', '/run/lock/'];

export type Presence = 'there' | 'absent' | 'unknown';

export class ContainerFiles {
  /** Undefined: removed. */
  private readonly known = new Map<string, string | undefined>();
  private readonly folders = new Set<string>();

  /** Absolute paths and what stands in them. */
  constructor(given: Readonly<Record<string, string>> = {}) {
    for (const [path, text] of Object.entries(given)) this.known.set(path, text);
  }

  presence(path: string): Presence {
    const file = absolute(path);
    if (this.known.get(file) !== undefined || this.isFolder(file)) return 'there';
    if (this.known.has(file)) return 'absent';
    return EMPTY_AT_START.some((folder) => file.startsWith(folder)) ? 'absent' : 'unknown';
  }

  isFolder(path: string): boolean {
    const file = absolute(path);
    if (this.folders.has(file) || EMPTY_AT_START.includes(`${file}/`)) return true;
    return [...this.known].some(
      ([name, text]) => text !== undefined && name.startsWith(`${file}/`),
    );
  }

  /** Undefined where it is not there, or nobody can tell what stands in it. */
  read(path: string): string | undefined {
    return this.known.get(absolute(path));
  }

  write(path: string, text: string, append: boolean): void {
    const file = absolute(path);
    if (file.startsWith('/dev/')) return;
    this.known.set(file, append ? (this.known.get(file) ?? '') + text : text);
  }

  makeFolder(path: string): void {
    this.folders.add(absolute(path));
  }

  remove(path: string): void {
    const file = absolute(path);
    for (const name of [...this.known.keys(), file]) {
      if (name === file || name.startsWith(`${file}/`)) this.known.set(name, undefined);
    }
    for (const name of this.folders) {
      if (name === file || name.startsWith(`${file}/`)) this.folders.delete(name);
    }
  }
}

/** Containers of examples work in the root folder. */
function absolute(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}
