import t from 'tap';
import type { Pod, ResourceQuota, Secret } from '../../pkg/api/types.js';
import { PODS, RESOURCE_QUOTAS, SECRETS } from '../../pkg/client/resources.js';
import { eventually } from '../../test/support/eventually.js';
import { ControlPlane } from '../testing/control-plane.js';

const NAMESPACE = 'default';
const plane = await ControlPlane.start();
t.teardown(() => plane.stop());
const { client } = plane;
const quotas = client.resource<ResourceQuota>(RESOURCE_QUOTAS);
const pods = client.resource<Pod>(PODS);
const secrets = client.resource<Secret>(SECRETS);

const pod = (name: string, cpu: string): Pod => ({
  metadata: { namespace: NAMESPACE, name },
  spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }] },
});

const secret = (name: string): Secret => ({ metadata: { namespace: NAMESPACE, name } });

/** When the quota says so. */
function uses(name: string, used: Record<string, string>): Promise<ResourceQuota> {
  return eventually(`${name} uses ${JSON.stringify(used)}`, async () => {
    const quota = await quotas.get(NAMESPACE, name);
    const now = quota.status?.used ?? {};
    const same = Object.entries(used).every(([key, amount]) => now[key] === amount);
    return same && Object.keys(now).length === Object.keys(used).length && quota;
  });
}

const hard = { pods: '3', 'requests.cpu': '1', 'count/secrets': '20' };

t.test('a new quota counts what is there already', async (t) => {
  await pods.create(pod('old', '100m'));
  await quotas.create({ metadata: { namespace: NAMESPACE, name: 'q' }, spec: { hard } });
  const counted = { pods: '1', 'requests.cpu': '100m', 'count/secrets': '0' };
  const quota = await uses('q', counted);
  t.same(quota.status?.hard, hard);
});

t.test('what ends, and what is deleted, is given back', async (t) => {
  await pods.create(pod('a', '200m'));
  await pods.create(pod('b', '300m'));
  await secrets.create(secret('s'));
  const all = { pods: '3', 'requests.cpu': '600m', 'count/secrets': '1' };
  await uses('q', all);
  await t.rejects(pods.create(pod('c', '100m')), {
    message: /exceeded quota: q, requested: pods=1/,
  });
  const a = await pods.get(NAMESPACE, 'a');
  await pods.updateStatus({ ...a, status: { ...a.status, phase: 'Succeeded' } });
  await uses('q', { ...all, pods: '2', 'requests.cpu': '400m' });
  await pods.delete(NAMESPACE, 'b', { gracePeriodSeconds: 0 });
  await secrets.delete(NAMESPACE, 's');
  await uses('q', { pods: '1', 'requests.cpu': '100m', 'count/secrets': '0' });
  await pods.create(pod('c', '100m'));
});

t.test('what was charged and not stored is given back', async (t) => {
  const { status } = await quotas.get(NAMESPACE, 'q');
  const before = status?.used ?? {};
  // The name is taken, which the store says only after the charge.
  await t.rejects(pods.create(pod('old', '50m')), { message: /already exists/ });
  await uses('q', { ...before, pods: '2', 'requests.cpu': '200m' });
});

t.test('new limits are in force as soon as they are seen', async (t) => {
  const quota = await quotas.get(NAMESPACE, 'q');
  await quotas.update({ ...quota, spec: { hard: { pods: '2' } } });
  await uses('q', { pods: '2' });
  await t.rejects(pods.create(pod('d', '1m')), { message: /limited: pods=2/ });
});
