/**
 * Empties released volumes of policy Recycle, by a pod that mounts the volume and deletes what is on it
 * (`pkg/volume/util/recyclerclient`). One pod a volume, named after it; a pod that is found is taken over.
 */
import type { PersistentVolume, Pod, Volume } from '../../pkg/api/types.js';
import { isAlreadyExists, isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';

const NAMESPACE = 'default';
const PREFIX = 'recycler-for-';
const IMAGE = 'registry.k8s.io/build-image/debian-base:bookworm-v1.0.4';
const SCRUB =
  'test -e /scrub && find /scrub -mindepth 1 -delete && test -z "$(ls -A /scrub)" || exit 1';
const DEADLINE_SECONDS = 60;

export type Recycling = 'under way' | 'done' | { readonly failed: string };

/** Only files of a host or of NFS are emptied. */
export function recyclable({ spec }: PersistentVolume): boolean {
  return spec?.hostPath !== undefined || spec?.nfs !== undefined;
}

/** The volume that a pod empties; undefined for any other pod. */
export function recycledBy({ metadata }: Pod): string | undefined {
  const { namespace, name } = metadata ?? {};
  return namespace === NAMESPACE && name?.startsWith(PREFIX)
    ? name.slice(PREFIX.length)
    : undefined;
}

export class Recycler {
  constructor(
    private readonly pods: Informer<Pod>,
    private readonly client: ResourceClient<Pod>,
  ) {}

  async recycle(volume: PersistentVolume, signal: AbortSignal): Promise<Recycling> {
    const name = `${PREFIX}${volume.metadata?.name ?? ''}`;
    const pod = this.pods.store.get(`${NAMESPACE}/${name}`);
    if (!pod) {
      try {
        await this.client.create(recyclerPod(name, volume), { signal });
      } catch (err) {
        if (!isAlreadyExists(err)) throw err;
      }
      return 'under way';
    }
    const { phase, message } = pod.status ?? {};
    if (phase !== 'Succeeded' && phase !== 'Failed') return 'under way';
    try {
      await this.client.delete(NAMESPACE, name, { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
    if (phase === 'Succeeded') return 'done';
    return { failed: message || 'pod failed, pod.Status.Message unknown' };
  }
}

function recyclerPod(name: string, { spec }: PersistentVolume): Pod {
  const source: Partial<Volume> = spec?.hostPath
    ? { hostPath: { path: spec.hostPath.path } }
    : spec?.nfs
      ? { nfs: { server: spec.nfs.server, path: spec.nfs.path } }
      : {};
  return {
    // Where containers are simulated there is nothing to delete, and this is when they say so.
    metadata: { namespace: NAMESPACE, name, annotations: { 'drydock.dev/runs-for': '1s' } },
    spec: {
      restartPolicy: 'Never',
      activeDeadlineSeconds: DEADLINE_SECONDS,
      volumes: [{ name: 'vol', ...source }],
      ...(spec?.nodeAffinity?.required
        ? {
            affinity: {
              nodeAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: spec.nodeAffinity.required,
              },
            },
          }
        : {}),
      containers: [
        {
          name: 'pv-recycler',
          image: IMAGE,
          command: ['/bin/sh'],
          args: ['-c', SCRUB],
          volumeMounts: [{ name: 'vol', mountPath: '/scrub' }],
        },
      ],
    },
  };
}
