/**
 * The folder of manifests by others: which objects its files hold, each as its author wrote it, and how they
 * get to a cluster: a folder, a namespace and one kubectl for each lot of them.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments, stringify } from 'yaml';
import type { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import type { RunResult } from '../support/run.js';

export const FOLDER = process.env['DRYDOCK_CORPUS'] ?? join('..', 'shared', 'corpus');
const BATCH_FILES = 40;
/** A batch on a machine that has much else to do. */
const APPLY_MS = 240_000;
/** Kinds that change what a namespace takes. */
const LIMITS = new Set(['LimitRange', 'ResourceQuota']);

/** A line of objects.jsonl. */
export interface CorpusObject {
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly ns: string;
  readonly cls: 'served' | 'custom' | 'obsolete' | 'clientonly';
}

/** The objects of each file that are meant for a server. */
export function filesOfObjects(): Map<string, CorpusObject[]> {
  const files = new Map<string, CorpusObject[]>();
  const lines = readFileSync(join(FOLDER, 'objects.jsonl'), 'utf8').trim().split('\n');
  for (const line of lines) {
    const object: CorpusObject = JSON.parse(line);
    if (object.cls === 'clientonly') continue;
    files.set(object.file, [...(files.get(object.file) ?? []), object]);
  }
  return files;
}

/** The documents of a file that hold an object. */
export function documentsOf(file: string): string[] {
  const text = readFileSync(join(FOLDER, file), 'utf8');
  return text.split(/^---.*$/m).filter((part) => holdsObject(part));
}

function holdsObject(text: string): boolean {
  // Every object has its kind at the left edge, but for the few that are written as JSON.
  if (!/^\s*\{/.test(text)) return /^["']?kind["']?:/m.test(text);
  return parseAllDocuments(text).some((document) => document.toJS()?.kind !== undefined);
}

/** As kubectl names the place of an object among those that it is given. */
export function fileName(place: number): string {
  return `${String(place).padStart(4, '0')}.yaml`;
}

export type Batch = { readonly file: string; readonly members: readonly CorpusObject[] }[];

/**
 * Files that can share a namespace, and so one kubectl: no two of a batch name the same object, and what
 * limits a namespace is alone in it.
 */
export function inBatches(files: readonly (readonly [string, readonly CorpusObject[]])[]): Batch[] {
  const batches: { batch: Batch; taken: Set<string>; full: boolean }[] = [];
  for (const [file, members] of files) {
    const ids = members.map(({ kind, ns, name }) => `${kind} ${ns}/${name}`);
    const alone = members.some(({ kind }) => LIMITS.has(kind));
    let place = alone
      ? undefined
      : batches.find(({ taken, full }) => !full && !ids.some((id) => taken.has(id)));
    if (!place) {
      place = { batch: [], taken: new Set(), full: alone };
      batches.push(place);
    }
    place.batch.push({ file, members });
    for (const id of ids) place.taken.add(id);
    if (place.batch.length >= BATCH_FILES) place.full = true;
  }
  return batches.map(({ batch }) => batch);
}

/** The YAML files of folders of the corpus, as arguments of kubectl. */
export function flagsOf(folders: readonly string[]): string[] {
  return folders.flatMap((folder) => ['-f', join(FOLDER, folder)]);
}

export interface Definition {
  readonly group: string;
  readonly names: {
    readonly kind: string;
    readonly plural: string;
    readonly singular: string;
  };
  readonly versions: readonly {
    readonly name: string;
    readonly additionalPrinterColumns?: readonly {
      readonly name: string;
      readonly priority?: number;
    }[];
  }[];
}

/** The definitions of custom resources in all files of these folders. */
export function definitionsIn(folders: readonly string[]): Definition[] {
  const files = folders.flatMap((folder) =>
    readdirSync(join(FOLDER, folder)).map((name) => join(folder, name)),
  );
  return files.flatMap(definitionsOf);
}

export function definitionsOf(file: string): Definition[] {
  return documentsOf(file)
    .filter((text) => /^kind: CustomResourceDefinition$/m.test(text))
    .map((text): Definition => parse(text).spec);
}

/** Takes manifests to the cluster. */
export class Manifests {
  private readonly kubeconfig: {
    contexts: { context: { namespace?: string } }[];
  };

  constructor(private readonly cluster: Cluster) {
    this.kubeconfig = parse(readFileSync(cluster.kubeconfig, 'utf8'));
  }

  /** Resolves once pods can be made in them. Those that are there already stay as they are. */
  async createNamespaces(wanted: readonly string[]): Promise<void> {
    const names = [...new Set(wanted)].filter(
      (name) => name !== '' && name !== 'default' && !name.startsWith('kube-'),
    );
    const items = names.map((name) => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name },
    }));
    await this.applyObjects(items);
    await eventually('each namespace has its ServiceAccount', async () => {
      const { stdout } = await this.cluster.kubectl([
        'get',
        'serviceaccounts',
        '--all-namespaces',
        '--field-selector=metadata.name=default',
        '-o=custom-columns=:metadata.namespace',
      ]);
      const found = new Set(stdout.split('\n').map((line) => line.trim()));
      return names.every((name) => found.has(name));
    });
  }

  /** Objects of our own, all by one kubectl. Throws what kubectl says where it fails. */
  async applyObjects(items: readonly object[]): Promise<void> {
    const { code, stderr } = await this.cluster.kubectl('apply --server-side -f -', {
      input: items.map((item) => JSON.stringify(item)).join('\n---\n'),
    });
    if (code !== 0) throw new Error(stderr);
  }

  /**
   * The namespace stands in the kubeconfig and not in a flag: a flag would refuse objects that name
   * another namespace.
   */
  apply(
    namespace: string,
    documents: readonly string[],
    flags: readonly string[],
  ): Promise<RunResult> {
    const folder = join(this.cluster.dataDir, 'manifests', namespace);
    mkdirSync(folder, { recursive: true });
    for (const [place, document] of documents.entries()) {
      writeFileSync(join(folder, fileName(place)), document);
    }
    const [first] = this.kubeconfig.contexts;
    if (!first) throw new Error('a kubeconfig without contexts');
    const contexts = [{ ...first, context: { ...first.context, namespace } }];
    const kubeconfig = `${folder}.kubeconfig`;
    writeFileSync(kubeconfig, stringify({ ...this.kubeconfig, contexts }), { mode: 0o600 });
    return this.cluster.kubectl(['apply', ...flags, '-f', folder], {
      env: { KUBECONFIG: kubeconfig },
      timeoutMs: APPLY_MS,
    });
  }
}
