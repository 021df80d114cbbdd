/** PersistentVolumes and claims as objects: made, patched, replaced, deleted one by one and together; their statuses. */
import type {
  KubernetesObject,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
} from '@kubernetes/client-node';
import type { Clause, World } from '../../support/clause.js';
import { nameOf } from '../../support/kube.js';
import type { Resource } from '../../support/objects.js';

interface Attachment extends KubernetesObject {
  spec: { attacher: string; nodeName: string; source: { persistentVolumeName: string } };
  status?: { attached: boolean };
}

const claims = (w: World): Resource<V1PersistentVolumeClaim> =>
  w.at('v1', 'persistentvolumeclaims');
const volumes = (w: World): Resource<V1PersistentVolume> => w.all('v1', 'persistentvolumes');

/** Of a class that nobody provisions, so that nothing happens to them by itself but that they find each other. */
function volume(w: World, name: string): V1PersistentVolume {
  return {
    metadata: { name: `${w.namespace}-${name}`, labels: { of: w.namespace } },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      storageClassName: w.namespace,
      csi: { driver: 'example.com', volumeHandle: `${w.namespace}-${name}` },
    },
  };
}

function claim(w: World, name: string): V1PersistentVolumeClaim {
  return {
    metadata: { name, labels: { of: w.namespace } },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: w.namespace,
      volumeName: `${w.namespace}-${name}`,
      resources: { requests: { storage: '1Gi' } },
    },
  };
}

async function pair(
  w: World,
  name: string,
): Promise<[V1PersistentVolume, V1PersistentVolumeClaim]> {
  return [await volumes(w).create(volume(w, name)), await claims(w).create(claim(w, name))];
}

async function labelled(w: World, label: string, value: string): Promise<string[]> {
  const selector = `of=${w.namespace},${label}=${value}`;
  return [...(await volumes(w).list(selector)), ...(await claims(w).list(selector))].map(nameOf);
}

async function none(w: World): Promise<void> {
  await w.until('none is left', async () => {
    const left = [
      ...(await volumes(w).list(`of=${w.namespace}`)),
      ...(await claims(w).list(`of=${w.namespace}`)),
    ];
    return left.length === 0;
  });
}

export const persistentVolumes: readonly Clause[] = [
  {
    title: 'PersistentVolumes(Claims), lifecycle',
    run: async (w) => {
      const [made, own] = await pair(w, 'one');
      const names = [nameOf(made), 'one'];
      w.t.same((await volumes(w).list(`of=${w.namespace}`)).map(nameOf), [names[0]]);
      w.t.same((await claims(w).list()).map(nameOf), ['one']);
      const patch = { metadata: { labels: { patched: 'yes' } } };
      await volumes(w).patch(nameOf(made), patch);
      await claims(w).patch('one', patch);
      w.t.same(await labelled(w, 'patched', 'yes'), names);
      w.t.equal((await volumes(w).get(nameOf(made))).metadata?.uid, made.metadata?.uid);
      w.t.equal((await claims(w).get('one')).metadata?.uid, own.metadata?.uid);
      await claims(w).delete('one');
      await w.gone(claims(w), 'one');
      await volumes(w).delete(nameOf(made));
      await w.gone(volumes(w), nameOf(made));

      const [again] = await pair(w, 'two');
      const update = (object: KubernetesObject) => {
        object.metadata = {
          ...object.metadata,
          labels: { ...object.metadata?.labels, updated: 'yes' },
        };
      };
      await w.change(volumes(w), nameOf(again), update);
      await w.change(claims(w), 'two', update);
      w.t.same(await labelled(w, 'updated', 'yes'), [nameOf(again), 'two']);
      await claims(w).deleteCollection(`of=${w.namespace}`);
      await volumes(w).deleteCollection(`of=${w.namespace}`);
      await none(w);
    },
  },
  {
    title: 'PersistentVolumes(Claims), apply changes to a pv/pvc status',
    run: async (w) => {
      const [made] = await pair(w, 'one');
      const name = nameOf(made);
      w.t.same((await volumes(w).list(`of=${w.namespace}`)).map(nameOf), [name]);
      w.t.same((await claims(w).list()).map(nameOf), ['one']);
      await w.until('they have found each other', async () => {
        const [one, other] = [await volumes(w).get(name), await claims(w).get('one')];
        return one.status?.phase === 'Bound' && other.status?.phase === 'Bound';
      });
      w.t.equal((await claims(w).get('one', 'status')).status?.phase, 'Bound');
      w.t.equal((await volumes(w).get(name, 'status')).status?.phase, 'Bound');

      const condition = (type: string) => ({
        type,
        status: 'True',
        reason: 'E2E',
        message: `by ${type}`,
      });
      const conditions = async () => (await claims(w).get('one')).status?.conditions ?? [];
      await claims(w).patch(
        'one',
        { status: { conditions: [condition('Patched')] } },
        { subresource: 'status' },
      );
      w.t.match(await conditions(), [condition('Patched')]);
      const said = async () => {
        const { reason, message, phase } = (await volumes(w).get(name)).status ?? {};
        return { reason, message, phase };
      };
      const patched = { reason: 'E2E', message: 'by PATCH' };
      await volumes(w).patch(name, { status: patched }, { subresource: 'status' });
      w.t.match(await said(), { ...patched, phase: 'Bound' });
      await w.change(
        claims(w),
        'one',
        ({ status }) => {
          if (status) status.conditions = [...(status.conditions ?? []), condition('Updated')];
        },
        'status',
      );
      w.t.match(await conditions(), [condition('Patched'), condition('Updated')]);
      const updated = { reason: 'E2E again', message: 'by PUT' };
      await w.change(
        volumes(w),
        name,
        ({ status }) => Object.assign(status ?? {}, updated),
        'status',
      );
      w.t.match(await said(), { ...updated, phase: 'Bound' });
      await claims(w).delete('one');
      await w.gone(claims(w), 'one');
      await volumes(w).delete(name);
      await none(w);
    },
  },
  {
    title: 'VolumeAttachment, apply changes to a volumeattachment status',
    run: async (w) => {
      const attachments = w.all<Attachment>('storage.k8s.io/v1', 'volumeattachments');
      const [node] = await w.liveNodes();
      const source = { persistentVolumeName: nameOf(await volumes(w).create(volume(w, 'one'))) };
      const name = `${w.namespace}-attachment`;
      const spec = { attacher: 'example.com', nodeName: nameOf(node ?? {}), source };
      await attachments.create({ metadata: { name, finalizers: ['example.com/kept'] }, spec });
      w.t.equal(nameOf(await attachments.get(name)), name);
      await attachments.patch(name, { metadata: { labels: { of: w.namespace } } });
      w.t.same((await attachments.list(`of=${w.namespace}`)).map(nameOf), [name]);
      const attached = async () => (await attachments.get(name, 'status')).status?.attached;
      w.t.equal(await attached(), false);
      await attachments.patch(name, { status: { attached: true } }, { subresource: 'status' });
      w.t.equal(await attached(), true);
      await w.change(
        attachments,
        name,
        (found) => {
          found.status = { attached: false };
        },
        'status',
      );
      w.t.equal(await attached(), false);
      await attachments.delete(name);
      await attachments.patch(name, { metadata: { finalizers: null } }).catch(() => undefined);
      await w.gone(attachments, name);
      await volumes(w).delete(source.persistentVolumeName);
    },
  },
];
