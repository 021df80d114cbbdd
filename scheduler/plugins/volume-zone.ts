/**
 * A volume that says by its labels which zone or region it is in is used there (`plugins/volumezone`). Nodes
 * that say nothing of zones take any volume.
 */
import type { PersistentVolume, StorageClass } from '../../pkg/api/types.js';
import { claimsOfPod, classOfClaim } from '../../pkg/api/volumes/claims.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { type Plugin, SKIP, stateKey, unresolvable } from '../framework/interface.js';
import type { Volumes } from './volumes.js';

const REASON = 'node(s) had no available volume zone';
const ZONE = 'topology.kubernetes.io/zone';
const REGION = 'topology.kubernetes.io/region';
/** Each label, and the one of nodes that stands for it where they do not have it. */
const LABELS: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': ZONE,
  'failure-domain.beta.kubernetes.io/region': REGION,
  [ZONE]: ZONE,
  [REGION]: REGION,
};
/** Between the zones of a volume that is in several. */
const SEPARATOR = '__';

interface Topology {
  readonly key: string;
  readonly values: ReadonlySet<string>;
}

const STATE = stateKey<readonly Topology[]>('VolumeZone');

export function volumeZone(volumes: Volumes): Plugin {
  return {
    name: 'VolumeZone',
    events: [
      {
        resource: 'StorageClass',
        actions: ['Add'],
        // What is bound later has no zone yet.
        helps: (_, __, now) => (now as StorageClass).volumeBindingMode === 'WaitForFirstConsumer',
      },
      { resource: 'Node', actions: ['Add', 'UpdateLabel'] },
      {
        resource: 'PersistentVolumeClaim',
        actions: ['Add', 'Update'],
        helps: (pod, _, now) =>
          now?.metadata?.namespace === pod.namespace &&
          claimsOfPod(pod.pod).some(({ claim }) => claim === now?.metadata?.name),
      },
      {
        resource: 'PersistentVolume',
        actions: ['Add', 'Update'],
        helps: (_, old, now) => old === undefined || zonesOf(old) !== zonesOf(now),
      },
    ],

    preFilter(state, pod) {
      const found: Topology[] = [];
      for (const { claim: name } of claimsOfPod(pod.pod)) {
        const claim = volumes.claimNamed(pod.namespace, name);
        if (!claim) return unresolvable(`persistentvolumeclaim ${JSON.stringify(name)} not found`);
        const volumeName = claim.spec?.volumeName ?? '';
        if (volumeName === '') {
          const className = classOfClaim(claim);
          if (className === '')
            return unresolvable('PersistentVolumeClaim had no pv name and storageClass name');
          const made = volumes.classNamed(className);
          if (!made)
            return unresolvable(
              `storageclass.storage.k8s.io ${JSON.stringify(className)} not found`,
            );
          if (made.volumeBindingMode === 'WaitForFirstConsumer') continue;
          return unresolvable('PersistentVolume had no name');
        }
        const volume = volumes.volumeNamed(volumeName);
        if (!volume)
          return unresolvable(`persistentvolume ${JSON.stringify(volumeName)} not found`);
        found.push(...topologiesOf(volume));
      }
      if (found.length === 0) return SKIP;
      state.set(STATE, found);
      return undefined;
    },

    filter(state, _pod, { labels }) {
      if (!Object.keys(LABELS).some((key) => labels[key] !== undefined)) return undefined;
      const fits = (state.get(STATE) ?? []).every(({ key, values }) => {
        const here = labels[key] ?? labels[LABELS[key] ?? ''];
        return here !== undefined && values.has(here);
      });
      return fits ? undefined : unresolvable(REASON);
    },
  };
}

function topologiesOf({ metadata }: PersistentVolume): Topology[] {
  return Object.keys(LABELS).flatMap((key) => {
    const value = metadata?.labels?.[key];
    return value === undefined ? [] : [{ key, values: new Set(value.split(SEPARATOR)) }];
  });
}

function zonesOf(volume: KubeObject | undefined): string {
  const labels = volume?.metadata?.labels ?? {};
  return JSON.stringify(Object.keys(LABELS).map((key) => labels[key]?.split(SEPARATOR).sort()));
}
