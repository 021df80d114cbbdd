/**
 * Real manifests by others, through the real kubectl: what Kubernetes takes is taken, what it refuses is
 * refused in the same words, and what thirty popular charts print becomes ready. The manifests are no part
 * of the project: DRYDOCK_CORPUS names their folder, or they lie in ../shared/corpus.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { binaries } from '../support/binaries.js';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { RawApi } from '../support/raw-api.js';
import {
  type Chart,
  charts,
  isWorkload,
  MADE_BY_JOBS,
  MOST_PATIENCE_S,
  namespaceOf,
  readiness,
  WAYS,
  type Workload,
  workloadsIn,
} from './corpus-charts.js';
import { CELLS, INVALID, VALID } from './corpus-custom.js';
import {
  type Definition,
  definitionsIn,
  definitionsOf,
  documentsOf,
  FOLDER,
  filesOfObjects,
  flagsOf,
  inBatches,
  Manifests,
} from './corpus-manifests.js';
import { check, noneYet } from './corpus-refusals.js';

/** kubectl's that run at once: as many as a small machine has cores. */
const AT_ONCE = 2;
/** Whose definitions are there before all else: their custom resources must be taken. */
const DEFINITIONS = [
  'cert-manager/deploy/crds',
  'prometheus-operator/example/prometheus-operator-crd-full',
];
/** One of the examples takes the scheduler's rights away, here as on any cluster. */
const LAST = 'website-examples-2025/content/en/examples/admin/sched/clusterrole.yaml';
/** What the charts, twice, and the examples hold at once is more than three nodes take. */
const NODES = '5';
const READY_MS = 200_000;
const LOOK_EVERY_MS = 1000;
const APPLIES = { 'content-type': 'application/apply-patch+yaml' };
const NO_PORT = "node(s) didn't have free ports for the requested pod ports";

t.setTimeout(600_000);

function reasonToSkip(): string | false {
  const missing = binaries();
  if (typeof missing === 'string') return missing;
  return existsSync(join(FOLDER, 'objects.jsonl')) ? false : `no manifests in ${FOLDER}`;
}

t.test('manifests by others', { skip: reasonToSkip() }, async (t) => {
  const cluster = await Cluster.start(t, ['--nodes', NODES]);
  const api = await RawApi.asAdmin(cluster);
  t.teardown(() => api.close());
  const start = performance.now();
  const files = filesOfObjects();
  const manifests = new Manifests(cluster);
  const rendered = charts();
  const definitions = definitionsIn(DEFINITIONS);
  const defined = definedKinds(definitions);

  await t.test('operators define their kinds', async (t) => {
    const applied = await cluster.kubectl(['apply', '--server-side', ...flagsOf(DEFINITIONS)]);
    t.equal(applied.code, 0, applied.stderr);
    const waited = await cluster.kubectl(
      'wait --for=condition=Established crd --all --timeout=60s',
    );
    t.equal(waited.code, 0, waited.stderr);
    t.equal(waited.stdout.match(/ condition met$/gm)?.length, definitions.length);
  });

  await t.test('charts are taken, applied client side and server side', async (t) => {
    const jobs = WAYS.flatMap(({ way, flags }) =>
      rendered.map((chart) => ({ chart, namespace: namespaceOf(way, chart.name), flags })),
    );
    await manifests.createNamespaces(jobs.map(({ namespace }) => namespace));
    const count = noneYet();
    await inParallel(jobs, async ({ chart: { file, objects }, namespace, flags }) => {
      const members = files.get(file) ?? [];
      t.equal(objects.length, members.length, `${file} holds ${members.length} objects`);
      const isNow = (_: unknown, place: number) => objects[place]?.takesHostPort === false;
      const documents = objects.filter(isNow).map(({ document }) => document);
      const result = await manifests.apply(namespace, documents, flags);
      check(t, members.filter(isNow), result, count, defined);
    });
    for (const { path, body } of impatient(rendered)) {
      const { code, text } = await api.ask({ method: 'PATCH', path, headers: APPLIES, body });
      t.equal(code, 200, text);
    }
    t.comment(`${count.taken} objects of ${jobs.length} charts taken by ${seconds(start)}`);
  });

  await t.test('a chart waits for the Secrets that its Jobs make', async (t) => {
    const waiting = WAYS.flatMap(({ way }) =>
      MADE_BY_JOBS.map((row) => ({ ...row, namespace: namespaceOf(way, row.chart) })),
    );
    for (const { namespace, secret } of waiting) {
      await eventually(`${namespace} misses the Secret ${secret}`, async () =>
        (await eventsIn(api, namespace)).some((said) =>
          said.endsWith(`secret "${secret}" not found`),
        ),
      );
    }
    await manifests.applyObjects(
      waiting.map(({ namespace, secret: name, keys }) => ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { namespace, name },
        stringData: Object.fromEntries(keys.map((key) => [key, key])),
      })),
    );
    t.pass(`${waiting.length} Secrets are made in place of the Jobs`);
  });

  await t.test('no Ingress is taken while nobody answers the webhook of a chart', async (t) => {
    const backend = { service: { name: 'web', port: { number: 80 } } };
    const { stderr } = await cluster.kubectl('create -f -', {
      input: JSON.stringify({
        apiVersion: 'networking.k8s.io/v1',
        kind: 'Ingress',
        metadata: { name: 'web' },
        spec: { defaultBackend: backend },
      }),
    });
    t.match(stderr, /failed calling webhook "validate\.nginx\.ingress\.kubernetes\.io"/);
    await cluster.kubectl('delete validatingwebhookconfigurations --all');
  });

  await t.test('custom resources are checked, defaulted and printed', async (t) => {
    const namespace = 'custom';
    await manifests.createNamespaces([namespace, 'custom-invalid']);
    const valid = await manifests.apply(namespace, VALID.map(asText), ['--server-side']);
    t.equal(valid.stderr, '', 'valid ones are taken');
    const invalid = await manifests.apply(
      'custom-invalid',
      INVALID.map(({ object }) => asText(object)),
      ['--server-side=false'],
    );
    for (const { why, says } of INVALID) t.match(invalid.stderr, says, why);
    t.equal(invalid.stdout, '', 'no other is taken');

    const all = [...definitions, ...rendered.flatMap(({ file }) => definitionsOf(file))];
    const names = all.map(({ group, names }) => `${names.plural}.${group}`);
    const { stdout, stderr } = await cluster.kubectl(['get', names.join(','), '-A']);
    t.equal(stderr, '', 'all are listed');
    const tables = tablesOf(stdout);
    let printed = 0;
    for (const { group, names, versions } of all) {
      const table = tables.get(`${names.singular}.${group}`);
      // kubectl prints no table of what there is none of.
      if (!table) continue;
      printed++;
      const columns = versions[0]?.additionalPrinterColumns ?? [{ name: 'Age' }];
      const shown = columns
        .filter(({ priority = 0 }) => priority === 0)
        .map(({ name }) => name.toUpperCase());
      const [header = ''] = table;
      t.same(
        header
          .trim()
          .split(/ {2,}/)
          .filter((cell) => cell !== 'NAMESPACE' && cell !== 'NAME'),
        shown,
        `${names.plural} are printed with the columns of their definition`,
      );
    }
    t.equal(printed, VALID.length, 'each kind that there is one of has its table');
    for (const { of, row } of CELLS) {
      const table = tables.get(of) ?? [];
      t.ok(
        table.some((line) => row.test(line)),
        `${of} print ${row}`,
        { table },
      );
    }
  });

  const meanwhile = { buffered: true };
  t.jobs = AT_ONCE;

  await Promise.all([
    t.test('what takes a port of each node gives way to the next', meanwhile, async (t) => {
      const contenders = WAYS.flatMap(({ way, flags }) =>
        rendered.flatMap((chart) =>
          chart.objects
            .filter(({ takesHostPort }) => takesHostPort)
            .map((object) => ({ ...object, flags, namespace: namespaceOf(way, chart.name) })),
        ),
      );
      t.ok(contenders.length > WAYS.length, `${contenders.length} want the same port`);
      for (const [place, { namespace, kind, name, document, flags }] of contenders.entries()) {
        const title = `${namespace}: ${kind} ${name}`;
        const { stderr } = await manifests.apply(namespace, [document], flags);
        t.equal(stderr, '', `${title} is taken`);
        const before = contenders[place - 1];
        if (before) {
          await eventually(`${title} has no port`, async () =>
            (await eventsIn(api, namespace)).some((said) => said.includes(NO_PORT)),
          );
          await cluster.kubectl(['delete', before.kind, before.name, '-n', before.namespace]);
        }
        await eventually(
          `${title} is ready`,
          async () =>
            (await workloadsIn(api, new Set([namespace]))).some(
              (each) =>
                each.kind === kind && each.metadata.name === name && readiness(each).isReady,
            ),
          READY_MS,
        );
        t.pass(`${title} is ready`);
      }
    }),

    t.test('each object is taken or refused as Kubernetes does', meanwhile, async (t) => {
      const examples = [...files].filter(
        ([file]) => !file.startsWith('rendered/') && file !== LAST,
      );
      const batches = inBatches(examples);
      const own = batches.map((_, n) => `examples-${n}`);
      await manifests.createNamespaces([
        ...own,
        ...examples.flatMap(([, members]) => members.map(({ ns }) => ns)),
      ]);
      const count = noneYet();
      const begun = performance.now();
      // One after another: which of two files gets a node port must not be chance.
      for (const [index, batch] of batches.entries()) {
        const documents = batch.flatMap(({ file, members }) => {
          const found = documentsOf(file);
          t.equal(found.length, members.length, `${file} holds ${members.length} objects`);
          return found;
        });
        const members = batch.flatMap((each) => each.members);
        const result = await manifests.apply(own[index] ?? '', documents, ['--server-side=false']);
        check(t, members, result, count, defined);
      }
      t.comment(
        `${examples.length} files by ${batches.length} kubectl in ${seconds(begun)}: ${count.taken} objects taken, ${count.refused} refused as invalid, ${count.noMatch} of kinds or versions that are not served`,
      );
    }),
  ]);

  await t.test('everything in the charts becomes ready', async (t) => {
    const chartOf = new Map(
      WAYS.flatMap(({ way }) => rendered.map(({ name }) => [namespaceOf(way, name), name])),
    );
    const workloads = await settled(api, new Set(chartOf.keys()));
    for (const workload of workloads) {
      const { kind, metadata } = workload;
      const { isReady, says } = readiness(workload);
      t.ok(isReady, `${metadata.namespace}: ${kind} ${metadata.name}: ${says}`);
    }
    const kinds = new Map<string, number>();
    for (const { kind } of workloads) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    // What a chart has and nobody sees would be ready without having been looked at.
    const seen = new Set(
      workloads.map(({ kind, metadata }) => `${metadata.namespace} ${kind} ${metadata.name}`),
    );
    const declared = WAYS.flatMap(({ way }) =>
      rendered.flatMap(({ name: chart, objects }) =>
        objects
          .filter(({ kind, takesHostPort, goes }) => isWorkload(kind) && !takesHostPort && !goes)
          .map(({ kind, name }) => `${namespaceOf(way, chart)} ${kind} ${name}`),
      ),
    );
    t.ok(declared.length > WAYS.length * rendered.length, `${declared.length} are declared`);
    t.same(
      declared.filter((each) => !seen.has(each)),
      [],
      'every workload and claim of every chart is there',
    );
    t.comment([...kinds].map(([kind, n]) => `${n} ${kind}s`).join(', '), `at ${seconds(start)}`);
  });

  await t.test('the scheduler may lose its rights', async (t) => {
    const members = files.get(LAST) ?? [];
    const result = await manifests.apply('default', documentsOf(LAST), ['--server-side=false']);
    check(t, members, result, noneYet(), defined);
  });
});

function definedKinds(definitions: readonly Definition[]): ReadonlySet<string> {
  return new Set(
    definitions.flatMap(({ group, names, versions }) =>
      versions.map(({ name }) => `${group}/${name} ${names.kind}`),
    ),
  );
}

/** What Events of a namespace say. */
async function eventsIn(api: RawApi, namespace: string): Promise<string[]> {
  const { text } = await api.ask({ path: `/api/v1/namespaces/${namespace}/events` });
  const { items }: { items: { message: string }[] } = JSON.parse(text);
  return items.map(({ message }) => message);
}

/** For server-side apply: probes that would begin too late for a test begin at once. */
function impatient(rendered: readonly Chart[]): { path: string; body: object }[] {
  const applied = (namespace: string, name: string, containers: readonly object[]) => ({
    path: `/apis/apps/v1/namespaces/${namespace}/statefulsets/${name}?fieldManager=impatience&force=true`,
    body: {
      apiVersion: 'apps/v1',
      kind: 'StatefulSet',
      metadata: { namespace, name },
      spec: { template: { spec: { containers } } },
    },
  });
  return WAYS.flatMap(({ way }) =>
    rendered.flatMap((chart) =>
      chart.objects.flatMap(({ name, late }) => {
        const containers = late
          .filter(({ delayS }) => delayS > MOST_PATIENCE_S)
          .map(({ container }) => ({
            name: container,
            readinessProbe: { initialDelaySeconds: 1 },
          }));
        const namespace = namespaceOf(way, chart.name);
        return containers.length > 0 ? [applied(namespace, name, containers)] : [];
      }),
    ),
  );
}

/** The workloads once all are ready, or as they are when the time is up. */
async function settled(api: RawApi, namespaces: ReadonlySet<string>): Promise<Workload[]> {
  const end = performance.now() + READY_MS;
  for (;;) {
    const workloads = await workloadsIn(api, namespaces);
    const isOver = performance.now() > end;
    if (isOver || workloads.every((each) => readiness(each).isReady)) return workloads;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function asText(object: object): string {
  return JSON.stringify(object);
}

/** The lines of each table of `kubectl get`, by the resource that stands before the names. */
function tablesOf(stdout: string): Map<string, string[]> {
  const tables = stdout
    .trim()
    .split(/\n{2,}/)
    .map((table) => table.split('\n'));
  return new Map(
    tables.map((table) => [/(\S+)\//.exec(table[1] ?? '')?.[1] ?? '', table] as const),
  );
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
