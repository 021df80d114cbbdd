import t from 'tap';
import type { Event, Pod, ResourceClaim, ResourceClaimTemplate } from '../../pkg/api/types.js';
import { isNotFound } from '../../pkg/client/errors.js';
import {
  CORE_EVENTS,
  PODS,
  RESOURCE_CLAIM_TEMPLATES,
  RESOURCE_CLAIMS,
} from '../../pkg/client/resources.js';
import { eventually } from '../../test/support/eventually.js';
import { ControlPlane } from '../testing/control-plane.js';

const NAMESPACE = 'default';
const FINALIZER = 'resource.kubernetes.io/delete-protection';
t.setTimeout(300_000);
const plane = await ControlPlane.start({ args: ['--controllers=resourceclaim-controller'] });
const { client } = plane;
t.teardown(() => plane.stop());
const pods = client.resource<Pod>(PODS);
const claims = client.resource<ResourceClaim>(RESOURCE_CLAIMS);
const templates = client.resource<ResourceClaimTemplate>(RESOURCE_CLAIM_TEMPLATES);

const spec = { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] } };

function podOf(
  name: string,
  claim: { resourceClaimName?: string; resourceClaimTemplateName?: string },
) {
  return {
    metadata: { namespace: NAMESPACE, name },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'c', image: 'i' }],
      resourceClaims: [{ name: 'gpu', ...claim }],
    },
  };
}

/** As the scheduler does it. */
async function allocate(name: string, users: readonly Pod[]): Promise<void> {
  const claim = await claims.get(NAMESPACE, name);
  const metadata = { ...claim.metadata, finalizers: [FINALIZER] };
  const kept = await claims.update({ ...claim, metadata });
  const results = [{ request: 'gpu', driver: 'gpu.example.com', pool: 'p', device: 'd' }];
  const reservedFor = users.map(({ metadata: { name: of = '', uid = '' } = {} }) => ({
    resource: 'pods',
    name: of,
    uid,
  }));
  await claims.updateStatus({
    ...kept,
    status: { allocation: { devices: { results } }, reservedFor },
  });
}

const gone = (name: string) =>
  eventually(`${name} gone`, () => claims.get(NAMESPACE, name).then(() => false, isNotFound));

const generated = (pod: string) =>
  eventually(`claim of ${pod}`, async () => {
    const { status } = await pods.get(NAMESPACE, pod);
    return status?.resourceClaimStatuses?.[0]?.resourceClaimName;
  });

t.test('a pod gets its own claim from a template, as soon as that is there', async (t) => {
  const pod = await pods.create(podOf('late', { resourceClaimTemplateName: 'gpus' }));
  const event = await eventually('told', async () => {
    const { items } = await client.resource<Event>(CORE_EVENTS).list({ namespace: NAMESPACE });
    return items.find(({ reason }) => reason === 'FailedResourceClaimCreation');
  });
  t.equal(
    event.message,
    'PodResourceClaim gpu: resource claim template "gpus": resourceclaimtemplate.resource.k8s.io "gpus" not found',
  );
  await templates.create({
    metadata: { namespace: NAMESPACE, name: 'gpus' },
    spec: { metadata: { labels: { made: 'here' } }, spec },
  });
  const name = await generated('late');
  t.match(name, /^late-gpu-.{5}$/);
  t.match((await claims.get(NAMESPACE, name)).metadata, {
    labels: { made: 'here' },
    annotations: { 'resource.kubernetes.io/pod-claim-name': 'gpu' },
    ownerReferences: [{ kind: 'Pod', name: 'late', uid: pod.metadata?.uid, controller: true }],
  });
  t.equal((await claims.list({ namespace: NAMESPACE })).items.length, 1, 'and only one');
});

t.test('with the last user go the devices', async (t) => {
  await claims.create({ metadata: { namespace: NAMESPACE, name: 'shared' }, spec });
  const users = [
    await pods.create(podOf('one', { resourceClaimName: 'shared' })),
    await pods.create(podOf('two', { resourceClaimName: 'shared' })),
  ];
  await allocate('shared', users);
  await pods.delete(NAMESPACE, 'one', { gracePeriodSeconds: 0 });
  const left = await eventually('one user', async () => {
    const claim = await claims.get(NAMESPACE, 'shared');
    return claim.status?.reservedFor?.length === 1 && claim;
  });
  t.ok(left.status?.allocation, 'the other one still has them');
  await claims.delete(NAMESPACE, 'shared');
  t.ok((await claims.get(NAMESPACE, 'shared')).metadata?.deletionTimestamp, 'nor do they go');
  await pods.delete(NAMESPACE, 'two', { gracePeriodSeconds: 0 });
  await gone('shared');
});

t.test('the claim of a pod that is done goes with its devices', async (t) => {
  const name = await generated('late');
  const pod = await pods.get(NAMESPACE, 'late');
  await allocate(name, [pod]);
  await pods.updateStatus({ ...pod, status: { ...pod.status, phase: 'Succeeded' } });
  await gone(name);
  t.equal((await pods.get(NAMESPACE, 'late')).status?.phase, 'Succeeded');
});
