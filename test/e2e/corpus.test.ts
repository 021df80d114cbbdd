/**
 * Real manifests by others, through the real kubectl: what Kubernetes takes is taken, what it refuses is
 * refused in the same words, and what thirty popular charts print becomes ready. The manifests are no part
 * of the project: DRYDOCK_CORPUS names their folder, or they lie in ../shared/corpus.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { binaries } from '../support/binaries.js';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import type { RunResult } from '../support/run.js';
import { REFUSED, type Refusal } from './corpus-refusals.js';

const FOLDER = process.env.DRYDOCK_CORPUS ?? join('..', 'shared', 'corpus');
/** kubectl's that run at once: as many as a small machine has cores. */
const AT_ONCE = 2;
const BATCH_FILES = 40;
/** Whose definitions are there before all else: their custom resources must be taken. */
const DEFINITIONS = [
  'cert-manager/deploy/crds',
  'prometheus-operator/example/prometheus-operator-crd-full',
];
/** Kinds that change what a namespace takes. */
const LIMITS = new Set(['LimitRange', 'ResourceQuota']);
const READY_MS = 20_000;
/** Of 56; see WAITS for the others. */
const LEAST_READY = 10;
/** Why a workload of a chart may be as unready as it would be on a cluster without these. */
const WAITS =
  'waits for a volume, a Secret of a hook, or an init container that looks for a service';

t.setTimeout(300_000);

/** A line of objects.jsonl. */
interface CorpusObject {
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly ns: string;
  readonly cls: 'served' | 'custom' | 'obsolete' | 'clientonly';
}

type Batch = { readonly file: string; readonly members: readonly CorpusObject[] }[];

interface Definition {
  readonly group: string;
  readonly names: { readonly kind: string };
  readonly versions: readonly { readonly name: string }[];
}

interface Workload {
  readonly kind: string;
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec: { readonly replicas?: number };
  readonly status?: { readonly readyReplicas?: number };
}

function reasonToSkip(): string | false {
  const missing = binaries();
  if (typeof missing === 'string') return missing;
  return existsSync(join(FOLDER, 'objects.jsonl')) ? false : `no manifests in ${FOLDER}`;
}

t.test('manifests by others', { skip: reasonToSkip() }, async (t) => {
  const cluster = await Cluster.start(t);
  const objects = readFileSync(join(FOLDER, 'objects.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line): CorpusObject => JSON.parse(line))
    .filter(({ cls }) => cls !== 'clientonly');
  const files = new Map<string, CorpusObject[]>();
  for (const object of objects) {
    files.set(object.file, [...(files.get(object.file) ?? []), object]);
  }
  const manifests = new Manifests(cluster);
  const defined = definedKinds();
  await t.test('operators define their kinds', async (t) => {
    const files = DEFINITIONS.flatMap((folder) => ['-f', join(FOLDER, folder)]);
    const applied = await cluster.kubectl(['apply', '--server-side', ...files]);
    t.equal(applied.code, 0, applied.stderr);
    const waited = await cluster.kubectl(
      'wait --for=condition=Established crd --all --timeout=20s',
    );
    t.equal(waited.code, 0, waited.stderr);
    t.ok(defined.size > 0, `${defined.size} kinds are defined`);
  });

  for (const [way, flags] of [
    ['client side', ['--server-side=false']],
    // What has no namespace is there already, and belongs to the client-side apply before.
    ['server side', ['--server-side', '--force-conflicts']],
  ] as const) {
    await t.test(`charts applied ${way} become ready`, async (t) => {
      const charts = readdirSync(join(FOLDER, 'rendered')).map((name) => `rendered/${name}`);
      const namespaces = await manifests.namespaces(way.slice(0, 6), charts.length);
      const start = performance.now();
      const count = { taken: 0, refused: 0, noMatch: 0 };
      await inParallel(charts, async (file, index) => {
        const members = files.get(file) ?? [];
        const documents = documentsOf(t, file, members).map(inOwnNamespace);
        const result = await manifests.apply(namespaces[index] ?? '', documents, flags);
        check(t, members, result, count, defined);
      });
      const applied = seconds(start);
      const workloads = await ready(cluster, namespaces);
      for (const workload of workloads) {
        const { kind, metadata, spec, status } = workload;
        const chart = charts[namespaces.indexOf(metadata.namespace)];
        t.equal(
          status?.readyReplicas ?? 0,
          spec.replicas ?? 1,
          `${chart}: ${kind} ${metadata.name} is ready`,
          isReady(workload) ? {} : { todo: WAITS },
        );
      }
      const readyCount = workloads.filter(isReady).length;
      t.ok(readyCount >= LEAST_READY, `${readyCount} workloads are ready`);
      t.comment(
        `${charts.length} charts, ${count.taken} objects ${way} in ${applied}; ${readyCount} of ${workloads.length} Deployments and StatefulSets ready after ${seconds(start)}`,
      );
      await manifests.deleteNamespaces(namespaces);
    });
  }

  // Last, since one of the examples takes the scheduler's rights away, here as on any cluster.
  await t.test('each object is taken or refused as Kubernetes does', async (t) => {
    const examples = [...files].filter(([file]) => !file.startsWith('rendered/'));
    const batches = inBatches(examples);
    const own = await manifests.namespaces('examples', batches.length);
    await manifests.createNamespaces(
      examples.flatMap(([, members]) => members.map(({ ns }) => ns)),
    );
    const count = { taken: 0, refused: 0, noMatch: 0 };
    const start = performance.now();
    // One after another: which of two files gets a node port must not be chance.
    for (const [index, batch] of batches.entries()) {
      const documents = batch.flatMap(({ file, members }) => documentsOf(t, file, members));
      const members = batch.flatMap((each) => each.members);
      const result = await manifests.apply(own[index] ?? '', documents, ['--server-side=false']);
      check(t, members, result, count, defined);
    }
    t.comment(
      `${examples.length} files in ${seconds(start)}: ${count.taken} objects taken, ${count.refused} refused as invalid, ${count.noMatch} of kinds or versions that are not served`,
    );
    await manifests.deleteNamespaces(own);
  });
});

/** Takes manifests to the cluster: a folder, a namespace and one kubectl for each file of them. */
class Manifests {
  private readonly kubeconfig: {
    contexts: { context: { namespace?: string } }[];
  };

  constructor(private readonly cluster: Cluster) {
    this.kubeconfig = parse(readFileSync(cluster.kubeconfig, 'utf8'));
  }

  async namespaces(prefix: string, count: number): Promise<string[]> {
    const names = Array.from({ length: count }, (_, n) => `${prefix}-${n}`.replace(' ', '-'));
    await this.createNamespaces(names);
    return names;
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
    const { code, stderr } = await this.cluster.kubectl('apply --server-side -f -', {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    });
    if (code !== 0) throw new Error(stderr);
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

  async deleteNamespaces(names: readonly string[]): Promise<void> {
    await this.cluster.kubectl(['delete', 'namespaces', '--wait=false', ...names]);
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
    });
  }
}

function fileName(place: number): string {
  return `${String(place).padStart(4, '0')}.yaml`;
}

/** `monitoring.coreos.com/v1 Prometheus` of every definition that is applied first. */
function definedKinds(): ReadonlySet<string> {
  const files = DEFINITIONS.flatMap((folder) =>
    readdirSync(join(FOLDER, folder)).map((name) => join(FOLDER, folder, name)),
  );
  const found = new Set<string>();
  for (const file of files) {
    for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) {
      const { kind, spec }: { kind?: string; spec?: Definition } = document.toJS() ?? {};
      if (kind !== 'CustomResourceDefinition' || !spec) continue;
      for (const { name } of spec.versions) found.add(`${spec.group}/${name} ${spec.names.kind}`);
    }
  }
  return found;
}

/** The objects of a file, each as its author wrote it. */
function split(file: string): string[] {
  const text = readFileSync(join(FOLDER, file), 'utf8');
  return text.split(/^---.*$/m).filter((part) => holdsObject(part));
}

function holdsObject(text: string): boolean {
  return parseAllDocuments(text).some((document) => document.toJS()?.kind !== undefined);
}

/**
 * A chart was printed for a namespace that is named after it; here it gets one of its own. By lines, since
 * a number such as 0644 would not survive being parsed and printed.
 */
function inOwnNamespace(document: string): string {
  let section = '';
  const lines = document.split('\n').filter((line) => {
    section = /^(\w+):/.exec(line)?.[1] ?? section;
    return section !== 'metadata' || !line.startsWith('  namespace:');
  });
  return lines.join('\n');
}

function documentsOf(t: Test, file: string, members: readonly CorpusObject[]): string[] {
  const documents = split(file);
  t.equal(documents.length, members.length, `${file} holds ${members.length} objects`);
  return documents;
}

/**
 * Files that can share a namespace, and so one kubectl: no two of a batch name the same object, and what
 * limits a namespace is alone in it.
 */
function inBatches(files: readonly (readonly [string, readonly CorpusObject[]])[]): Batch[] {
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

/** Each message of kubectl belongs to the object that it names, by its file or by kind and name. */
function check(
  t: Test,
  members: readonly CorpusObject[],
  { stderr }: RunResult,
  count: { taken: number; refused: number; noMatch: number },
  defined: ReadonlySet<string>,
): void {
  const messages = stderr
    .split(
      /\[?(?=resource mapping not found )|^(?=Error from server|error: |error when |The \w+ "|Warning: )/m,
    )
    .filter(
      (message) =>
        message.trim() !== 'error:' && message !== '' && !message.startsWith('Warning: '),
    );
  const unclaimed = new Set(messages);
  for (const [place, member] of members.entries()) {
    const { kind, name } = member;
    const said = [...unclaimed].filter(
      (message) =>
        message.includes(`/${fileName(place)}"`) || message.startsWith(`The ${kind} "${name}" `),
    );
    for (const message of said) unclaimed.delete(message);
    checkOne(t, member, said.join(''), count, defined);
  }
  t.same([...unclaimed], [], 'kubectl says nothing else');
}

function checkOne(
  t: Test,
  object: CorpusObject,
  said: string,
  count: { taken: number; refused: number; noMatch: number },
  defined: ReadonlySet<string>,
): void {
  const { file, apiVersion, kind, name, cls } = object;
  const title = `${file}: ${kind} ${name}`;
  const isServed = cls === 'served' || defined.has(`${apiVersion} ${kind}`);
  if (!isServed) {
    const noMatch = `no matches for kind "${kind}" in version "${apiVersion}"`;
    if (t.match(said, noMatch, `${title} is refused: ${noMatch}`)) count.noMatch++;
    return;
  }
  const refusal = REFUSED.find((each) => isOf(each, object));
  if (refusal === undefined) {
    if (t.equal(said, '', `${title} is taken`)) count.taken++;
  } else if (t.match(said, refusal.says, `${title} is refused: ${refusal.why}`)) {
    count.refused++;
  }
}

function isOf(refusal: Refusal, { file, kind }: CorpusObject): boolean {
  return refusal.kind === kind && refusal.file.test(file);
}

function isReady({ spec, status }: Workload): boolean {
  return (status?.readyReplicas ?? 0) === (spec.replicas ?? 1);
}

/** Every Deployment and StatefulSet of the namespaces, once all are ready or the time is up. */
async function ready(cluster: Cluster, namespaces: readonly string[]): Promise<Workload[]> {
  const here = new Set(namespaces);
  let workloads: Workload[] = [];
  await eventually(
    'all are ready',
    async () => {
      const { items } = await cluster.get<{ items: Workload[] }>(
        'deployments,statefulsets --all-namespaces',
      );
      workloads = items.filter(({ metadata }) => here.has(metadata.namespace));
      return workloads.every(isReady);
    },
    READY_MS,
  ).catch((err: Error) => {
    t.comment(err.message);
  });
  return workloads;
}

async function inParallel<T>(
  items: readonly T[],
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  const rest = items.entries();
  const worker = async () => {
    for (const [index, item] of rest) await work(item, index);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function seconds(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}
