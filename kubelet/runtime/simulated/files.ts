/**
 * The files of a simulated container, as far as they are known: what its commands and its probes wrote and removed,
 * and what stands in its volumes. What is in an image nobody knows, so a path has three answers: it is there, it is
 * not, or nobody can tell. The folders for temporary files are empty when a container starts, whatever its image.
 */
import { absolute, FileTree, type Presence } from './file-tree.js';

export type { Presence } from './file-tree.js';

/** Everything below these that was not written, or mounted, is not there. */
const EMPTY_AT_START = ['/tmp/', '/var/tmp/', '/run/lock/', '/run/secrets/', '/var/run/secrets/'];

/** A folder, or a file, of a tree that others may see too. */
export interface MountedTree {
  readonly path: string;
  readonly tree: FileTree;
  /** Where in the tree: `/` for all of it. */
  readonly at: string;
  readonly readOnly: boolean;
}

interface Place {
  readonly tree: FileTree;
  readonly path: string;
  readonly readOnly: boolean;
}

export class ContainerFiles {
  private readonly own: FileTree;
  /** Longer paths first: a volume may be mounted within another. */
  private readonly mounts: readonly MountedTree[];

  /** Absolute paths and what stands in them. */
  constructor(given: Readonly<Record<string, string>> = {}, mounts: readonly MountedTree[] = []) {
    this.own = new FileTree(EMPTY_AT_START);
    for (const [path, text] of Object.entries(given)) this.own.write(path, text, false);
    this.mounts = [...mounts].sort((a, b) => b.path.length - a.path.length);
  }

  presence(path: string): Presence {
    const { tree, path: within } = this.place(path);
    const presence = tree.presence(within);
    if (presence === 'there') return presence;
    if (this.leadsToMount(path)) return 'there';
    const file = absolute(path);
    const empty = EMPTY_AT_START.some((folder) => file.startsWith(folder));
    return presence === 'unknown' && empty ? 'absent' : presence;
  }

  isFolder(path: string): boolean {
    const { tree, path: within } = this.place(path);
    if (tree.isFolder(within)) return true;
    return this.leadsToMount(path) && tree.read(within) === undefined;
  }

  /** Undefined where it is not there, or nobody can tell what stands in it. */
  read(path: string): string | undefined {
    const { tree, path: within } = this.place(path);
    return tree.read(within);
  }

  /** The names in a folder, as far as they are known. */
  list(path: string): string[] {
    const { tree, path: within } = this.place(path);
    const above = absolute(path) === '/' ? '/' : `${absolute(path)}/`;
    const mounted = this.mounts.flatMap((mount) => {
      const [name = ''] = mount.path.startsWith(above)
        ? mount.path.slice(above.length).split('/')
        : [];
      return name === '' ? [] : [name];
    });
    return [...new Set([...tree.list(within), ...mounted])].sort();
  }

  /** What nothing can be written to stays as it is. */
  write(path: string, text: string, append: boolean): void {
    const { tree, path: within, readOnly } = this.place(path);
    if (!readOnly && !absolute(path).startsWith('/dev/')) tree.write(within, text, append);
  }

  makeFolder(path: string): void {
    const { tree, path: within, readOnly } = this.place(path);
    if (!readOnly) tree.makeFolder(within);
  }

  remove(path: string): void {
    const { tree, path: within, readOnly } = this.place(path);
    if (!readOnly) tree.remove(within);
  }

  private place(path: string): Place {
    const file = absolute(path);
    for (const { path: root, tree, at, readOnly } of this.mounts) {
      if (file !== root && !file.startsWith(`${root}/`)) continue;
      return { tree, path: absolute(`${at}/${file.slice(root.length)}`), readOnly };
    }
    return { tree: this.own, path: file, readOnly: false };
  }

  private leadsToMount(path: string): boolean {
    const file = absolute(path);
    return this.mounts.some(({ path: root }) => root === file || root.startsWith(`${file}/`));
  }
}
