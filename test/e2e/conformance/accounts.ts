/** Service accounts: their tokens, the cluster's root certificate beside them, and what they may do. */
import type {
  KubernetesObject,
  V1LocalSubjectAccessReview,
  V1Pod,
  V1SubjectAccessReview,
  V1TokenReview,
} from '@kubernetes/client-node';
import { type Clause, podSpec, type World } from '../../support/clause.js';
import { RawApi } from '../../support/raw-api.js';

interface Token extends KubernetesObject {
  readonly status?: { readonly token?: string; readonly expirationTimestamp?: string };
}

const ROOT = 'kube-root-ca.crt';
const MOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** The pod of a name, its account's and its own wish for a token, and whether it gets one. */
const AUTO_MOUNTS = [
  { pod: 'unset', account: 'default', wish: undefined, mounts: true },
  { pod: 'unset-mount', account: 'mount', wish: undefined, mounts: true },
  { pod: 'unset-nomount', account: 'nomount', wish: undefined, mounts: false },
  { pod: 'wants', account: 'default', wish: true, mounts: true },
  { pod: 'wants-mount', account: 'mount', wish: true, mounts: true },
  { pod: 'wants-nomount', account: 'nomount', wish: true, mounts: true },
  { pod: 'refuses', account: 'default', wish: false, mounts: false },
  { pod: 'refuses-mount', account: 'mount', wish: false, mounts: false },
  { pod: 'refuses-nomount', account: 'nomount', wish: false, mounts: false },
] as const;

function looker(name: string, serviceAccountName: string, wish: boolean | undefined): V1Pod {
  return {
    metadata: { name },
    spec: podSpec({
      serviceAccountName,
      ...(wish === undefined ? {} : { automountServiceAccountToken: wish }),
      restartPolicy: 'Never',
      containers: [{ name: 'main', image: 'busybox', command: ['ls', MOUNT] }],
    }),
  };
}

function isOver({ status }: V1Pod): boolean {
  return status?.phase === 'Succeeded' || status?.phase === 'Failed';
}

/** What the API answers the account, asked with the admin's right to be somebody else. */
async function may(w: World, user: string, path: string): Promise<boolean> {
  const api = await RawApi.asAdmin(w.cluster, 1);
  try {
    const { code } = await api.ask({ path, headers: { 'impersonate-user': user } });
    return code === 200;
  } finally {
    await api.close();
  }
}

async function reviews(w: World, user: string, isAllowed: boolean): Promise<void> {
  const resourceAttributes = { namespace: w.namespace, verb: 'list', resource: 'configmaps' };
  const path = `/api/v1/namespaces/${w.namespace}/configmaps`;
  w.t.equal(await may(w, user, path), isAllowed, path);
  const spec = { user, resourceAttributes };
  const everywhere = w.all<V1SubjectAccessReview>(
    'authorization.k8s.io/v1',
    'subjectaccessreviews',
  );
  w.t.equal((await everywhere.create({ spec })).status?.allowed, isAllowed);
  const local = w.at<V1LocalSubjectAccessReview>(
    'authorization.k8s.io/v1',
    'localsubjectaccessreviews',
  );
  const review = await local.create({ metadata: { namespace: w.namespace }, spec });
  w.t.equal(review.status?.allowed, isAllowed);
}

export const accounts: readonly Clause[] = [
  {
    title: 'ServiceAccount, create and review token',
    run: async (w) => {
      const { metadata } = await w.serviceAccounts.create({ metadata: { name: 'reviewed' } });
      const { status } = await w.serviceAccounts.post<Token>('reviewed', 'token', { spec: {} });
      w.t.match(status?.token, /^[\w-]+\.[\w-]+\.[\w-]+$/);
      const review = await w
        .all<V1TokenReview>('authentication.k8s.io/v1', 'tokenreviews')
        .create({ spec: { token: status?.token ?? '' } });
      w.t.equal(review.status?.authenticated, true);
      w.t.equal(review.status?.error ?? '', '');
      const username = `system:serviceaccount:${w.namespace}:reviewed`;
      w.t.match(review.status?.user, { username, uid: metadata?.uid });
    },
  },
  {
    title: 'RootCA ConfigMap test',
    run: async (w) => {
      const whole = () =>
        w.until('the certificate is there', async () => {
          const found = await w.configMaps.find(ROOT);
          return found?.data?.['ca.crt']?.startsWith('-----BEGIN CERTIFICATE') && found;
        });
      const first = await whole();
      await w.configMaps.delete(ROOT);
      const again = await whole();
      w.t.not(again.metadata?.uid, first.metadata?.uid);
      w.t.same(again.data, first.data);
      await w.change(w.configMaps, ROOT, (map) => {
        map.data = { 'ca.crt': '' };
      });
      w.t.same((await whole()).data, first.data);
    },
  },
  {
    title: 'SubjectReview, API Operations',
    run: async (w) => {
      await w.serviceAccounts.create({ metadata: { name: 'asked' } });
      const user = `system:serviceaccount:${w.namespace}:asked`;
      await reviews(w, user, false);
      await w.at('rbac.authorization.k8s.io/v1', 'rolebindings').create({
        metadata: { name: 'asked' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
        subjects: [{ kind: 'ServiceAccount', name: 'asked', namespace: w.namespace }],
      } as KubernetesObject);
      await w.until('the role holds', () =>
        may(w, user, `/api/v1/namespaces/${w.namespace}/configmaps`),
      );
      await reviews(w, user, true);
    },
  },
  {
    title: 'Service account tokens auto mount optionally',
    run: async (w) => {
      for (const [name, automountServiceAccountToken] of [
        ['mount', true],
        ['nomount', false],
      ] as const) {
        await w.serviceAccounts.create({ metadata: { name }, automountServiceAccountToken });
      }
      for (const { pod, account, wish } of AUTO_MOUNTS) {
        await w.pods.create(looker(pod, account, wish));
      }
      for (const { pod, mounts } of AUTO_MOUNTS) {
        const ended = await w.until(`${pod} has ended`, async () => {
          const found = await w.pods.get(pod);
          return isOver(found) && found;
        });
        w.t.equal(ended.status?.phase, mounts ? 'Succeeded' : 'Failed', pod);
        const mounted = ended.spec?.containers[0]?.volumeMounts ?? [];
        w.t.equal(
          mounted.some(({ mountPath }) => mountPath === MOUNT),
          mounts,
          pod,
        );
        const seen = await w.logs(pod);
        const nothing = `ls: ${MOUNT}: No such file or directory\n`;
        w.t.equal(seen, mounts ? 'ca.crt\nnamespace\ntoken\n' : nothing, pod);
      }
    },
  },
];
