/** Manifests by others, sent to a server as kubectl sends them: what Kubernetes accepts is accepted. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parseAllDocuments } from 'yaml';
import type { Pod } from '../../../pkg/api/types.js';
import type { AdmissionChain } from '../../admission/admission.js';
import { KubeletConnection } from '../../endpoints/kubelet-proxy.js';
import { TestApi } from '../../testing/test-api.js';
import { TestStore } from '../../testing/test-store.js';
import { builtInResources } from '../resources/index.js';

const CORPUS = fileURLToPath(new URL('../../../../shared/corpus/', import.meta.url));
const KINDS: Readonly<Record<string, string>> = {
  'v1 ConfigMap': '/api/v1/namespaces/NS/configmaps',
  'v1 Endpoints': '/api/v1/namespaces/NS/endpoints',
  'v1 Namespace': '/api/v1/namespaces',
  'v1 Pod': '/api/v1/namespaces/NS/pods',
  'v1 ReplicationController': '/api/v1/namespaces/NS/replicationcontrollers',
  'v1 Secret': '/api/v1/namespaces/NS/secrets',
  'v1 Service': '/api/v1/namespaces/NS/services',
  'v1 ServiceAccount': '/api/v1/namespaces/NS/serviceaccounts',
  'apps/v1 DaemonSet': '/apis/apps/v1/namespaces/NS/daemonsets',
  'apps/v1 Deployment': '/apis/apps/v1/namespaces/NS/deployments',
  'apps/v1 ReplicaSet': '/apis/apps/v1/namespaces/NS/replicasets',
  'apps/v1 StatefulSet': '/apis/apps/v1/namespaces/NS/statefulsets',
  'batch/v1 CronJob': '/apis/batch/v1/namespaces/NS/cronjobs',
  'batch/v1 Job': '/apis/batch/v1/namespaces/NS/jobs',
  'discovery.k8s.io/v1 EndpointSlice': '/apis/discovery.k8s.io/v1/namespaces/NS/endpointslices',
};

/** Wrong on purpose, or by mistake, in ways that Kubernetes refuses too: what it says of them. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  // A volume id that the reader has to fill in.
  'kubernetes-course/volumes/helloworld-with-volume.yml Deployment helloworld-deployment':
    /awsElasticBlockStore\.volumeID: Required value/,
  // Parts that kustomize puts together before they are sent.
  'metrics-server/manifests/components/autoscale/patch.yaml Deployment metrics-server':
    /spec\.selector: Required value/,
  'metrics-server/manifests/components/high-availability/patch.yaml Deployment metrics-server':
    /spec\.template\.spec\.containers: Required value/,
  'metrics-server/manifests/base/deployment.yaml Deployment metrics-server':
    /spec\.selector: Required value/,
  // A template for sed, with a variable for a name.
  'website-examples-2025/content/en/examples/application/job/job-tmpl.yaml Job process-item-$ITEM':
    /metadata\.name: Invalid value: "process-item-\$ITEM"/,
};

/** Pods run as somebody: what the ServiceAccount plugin sees to in a whole server. */
const SERVICE_ACCOUNT: AdmissionChain = {
  async admit({ kind, object }) {
    const { spec } = (object ?? {}) as Pod;
    if (kind === 'Pod' && spec) spec.serviceAccountName ||= 'default';
  },
  validate: async () => undefined,
};

interface Entry {
  readonly file: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly cls: string;
}

t.test(
  'every manifest that Kubernetes serves is accepted',
  { skip: existsSync(`${CORPUS}objects.jsonl`) ? false : 'the corpus is not beside this checkout' },
  async (t) => {
    const store = await TestStore.start();
    const definitions = builtInResources({
      serviceClusterIPRanges: ['10.96.0.0/12'],
      serviceNodePortRange: { from: 30000, to: 32767 },
      etcd: await store.client(),
      kubelet: new KubeletConnection({ clientCertificate: '', clientKey: '' }),
    });
    const api = await TestApi.start({ definitions, store, admission: SERVICE_ACCOUNT });
    t.teardown(async () => {
      await api.stop();
      await store.remove();
    });
    let sent = 0;
    for (const { id, path, object } of manifests()) {
      const { code, body } = await api.post(path, object);
      sent++;
      const refused = REFUSED[id];
      // A namespace stays until it is emptied, and nobody does that here.
      const known = code === 409 && path.endsWith('/namespaces');
      if (refused) t.match(String(body.message), refused, id);
      else if (code !== 201 && !known) t.fail(`${id}: ${code} ${String(body.message)}`);
      const name = (body.metadata as { name?: string } | undefined)?.name;
      if (code === 201)
        await api.delete(`${path}/${name ?? ''}`, {
          gracePeriodSeconds: 0,
          propagationPolicy: 'Background',
        });
    }
    t.ok(sent > 500, `${sent} manifests were sent`);
  },
);

function* manifests(): Generator<{ id: string; path: string; object: unknown }> {
  const wanted = new Map<string, Set<string>>();
  for (const line of readFileSync(`${CORPUS}objects.jsonl`, 'utf8').trim().split('\n')) {
    const { file, apiVersion, kind, name, cls } = JSON.parse(line) as Entry;
    if (cls !== 'served' || !KINDS[`${apiVersion} ${kind}`]) continue;
    wanted.set(file, (wanted.get(file) ?? new Set()).add(`${apiVersion} ${kind} ${name}`));
  }
  for (const [file, ids] of wanted) {
    for (const document of parseAllDocuments(readFileSync(CORPUS + file, 'utf8'), {
      version: '1.1',
    })) {
      for (const object of objectsOf(document.toJS())) {
        const { apiVersion, kind, metadata } = object;
        const template = KINDS[`${apiVersion} ${kind}`];
        const name = metadata?.name ?? metadata?.generateName ?? '';
        if (!template || !ids.has(`${apiVersion} ${kind} ${metadata?.name ?? ''}`)) continue;
        const path = template.replace('NS', metadata?.namespace ?? 'default');
        yield { id: `${file} ${kind} ${name}`, path, object };
      }
    }
  }
}

interface Manifest {
  apiVersion?: string;
  kind?: string;
  metadata?: { name?: string; generateName?: string; namespace?: string };
  items?: Manifest[];
}

function objectsOf(document: Manifest | null): Manifest[] {
  if (!document || typeof document !== 'object') return [];
  return document.kind === 'List' ? (document.items ?? []) : [document];
}
