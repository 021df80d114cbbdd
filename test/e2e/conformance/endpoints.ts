/** What the clauses of every workload kind ask of its endpoints: scale, status, collections. */
import { type KubernetesObject, PatchStrategy, type V1Condition } from '@kubernetes/client-node';
import type { World } from '../../support/clause.js';
import { nameOf } from '../../support/kube.js';
import type { Resource } from '../../support/objects.js';

interface Conditioned extends KubernetesObject {
  status?: object & { conditions?: { type: string; status: string }[] };
}

interface Sized extends KubernetesObject {
  spec?: object & { replicas?: number };
}

/** Reads the scale, replaces it by `more`, patches it to `most`; each is what the next read says. */
export async function scaleEndpoints<T extends Sized>(
  { t }: World,
  resource: Resource<T>,
  name: string,
  settled: (count: number) => Promise<unknown>,
): Promise<void> {
  const scale = await resource.scale(name);
  t.match(scale, { kind: 'Scale', metadata: { name }, spec: { replicas: 1 } });
  t.equal(scale.status?.replicas, 1);
  t.match(await resource.putScale(name, { ...scale, spec: { replicas: 2 } }), {
    spec: { replicas: 2 },
  });
  t.equal((await resource.get(name)).spec?.replicas, 2);
  await settled(2);
  await resource.patch(name, { spec: { replicas: 4 } }, { subresource: 'scale' });
  t.equal((await resource.get(name)).spec?.replicas, 4);
  await settled(4);
  t.match(await resource.scale(name), { spec: { replicas: 4 }, status: { replicas: 4 } });
}

/** A condition that a client writes by PUT, and one by PATCH, are there when it reads again. */
export async function statusEndpoints<T extends Conditioned>(
  { t, change }: World,
  resource: Resource<T>,
  name: string,
): Promise<void> {
  const conditionsOf = ({ status }: Conditioned) => status?.conditions ?? [];
  t.equal(nameOf(await resource.get(name, 'status')), name);

  const updated = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'by PUT' };
  await change(
    resource,
    name,
    (object) => {
      object.status = { ...object.status, conditions: [...conditionsOf(object), updated] };
    },
    'status',
  );
  const byPut = conditionsOf(await resource.get(name));
  t.match(
    byPut.find(({ type }) => type === updated.type),
    updated,
  );

  const patched = { type: 'StatusPatched', status: 'True' } satisfies Partial<V1Condition>;
  await resource.patch(name, { status: { conditions: [patched] } }, { subresource: 'status' });
  const byPatch = conditionsOf(await resource.get(name, 'status'));
  t.match(
    byPatch.find(({ type }) => type === patched.type),
    patched,
  );
}

/** Makes `count`, finds them by their label, deletes them by it, and waits until they are gone. */
export async function collectionEndpoints<T extends KubernetesObject>(
  { t, until }: World,
  resource: Resource<T>,
  bodies: readonly T[],
  labelSelector: string,
): Promise<void> {
  await Promise.all(bodies.map((body) => resource.create(body)));
  const found = await resource.list(labelSelector);
  t.same(found.map(nameOf).sort(), bodies.map(nameOf).sort());
  await resource.deleteCollection(labelSelector);
  await until('none is left', async () => (await resource.list(labelSelector)).length === 0);
}

/** A label by each kind of patch that every built-in kind takes. */
export async function patchEndpoints<T extends KubernetesObject>(
  { t }: World,
  resource: Resource<T>,
  name: string,
): Promise<void> {
  for (const as of [PatchStrategy.MergePatch, PatchStrategy.StrategicMergePatch]) {
    const value = as.replace(/\W/g, '-').slice(-30);
    const patched = await resource.patch(
      name,
      { metadata: { labels: { patched: value } } },
      { as },
    );
    t.equal(patched.metadata?.labels?.['patched'], value);
  }
}
