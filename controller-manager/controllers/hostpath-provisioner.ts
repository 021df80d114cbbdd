/**
 * Makes, grows and deletes drydock's own volumes: folders of the node that the claim's first pod is placed
 * on. It acts as an external provisioner does (`kubernetes-sigs/sig-storage-lib-external-provisioner`): it
 * sees claims that name it, and volumes that it made and that are released.
 *
 *   claim names it (and a node, where the class waits) ─▶ volume pvc-UID, reserved for the claim
 *   claim asks for more than the volume has            ─▶ a larger volume; the kubelet does the rest
 *   volume released, policy Delete                     ─▶ deleted
 *
 * Classes that were written for the folders of other clusters (`k8s.io/minikube-hostpath`, …) get the same.
 * Where the provisioner of that name runs as well, a volume is of whoever made it: ours are told by their path.
 */
import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from '../../pkg/api/types.js';
import {
  BETA_STORAGE_PROVISIONER,
  capacityOf,
  claimReference,
  classOfClaim,
  FOLDER_PROVISIONERS,
  HOSTPATH_PROVISIONER,
  PROVISIONED_BY,
  requestOf,
  SELECTED_NODE,
  STORAGE_PROVISIONER,
} from '../../pkg/api/volumes/claims.js';
import { formatTime, keyOf } from '../../pkg/apimachinery/meta.js';
import { isAlreadyExists, isNotFound } from '../../pkg/client/errors.js';
import {
  type EventRecorder,
  type EventType,
  referenceTo,
} from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import {
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  STORAGE_CLASSES,
} from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { fileSystemPending, resizing } from '../volumes/resize.js';

const CONCURRENCY = 4;
/** Where the folders are, on each node. */
const ROOT = '/var/lib/drydock/volumes';
const HOSTNAME = 'kubernetes.io/hostname';

type Key = `claim ${string}` | `volume ${string}`;

export const hostpathProvisioner: ControllerDescriptor = {
  name: 'hostpath-provisioner-controller',
  aliases: ['hostpath-provisioner'],
  serviceAccount: 'drydock-hostpath-provisioner',
  create: (context) => new HostpathProvisioner(context),
};

class HostpathProvisioner implements Controller {
  private readonly queue: RateLimitingQueue<Key>;
  private readonly claims: Informer<PersistentVolumeClaim>;
  private readonly volumes: Informer<PersistentVolume>;
  private readonly classes: Informer<StorageClass>;
  private readonly nodes: Informer<Node>;
  private readonly claimClient: ResourceClient<PersistentVolumeClaim>;
  private readonly volumeClient: ResourceClient<PersistentVolume>;
  private readonly recorder: EventRecorder;

  constructor(private readonly context: ControllerContext) {
    const { client, informers, recorder, options } = context;
    this.queue = new RateLimitingQueue<Key>(context.clock);
    this.claimClient = client.resource<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
    this.volumeClient = client.resource<PersistentVolume>(PERSISTENT_VOLUMES);
    this.recorder = recorder.forComponent(`${HOSTPATH_PROVISIONER}_${options.leaderElectIdentity}`);
    this.claims = informers.informer<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
    this.volumes = informers.informer<PersistentVolume>(PERSISTENT_VOLUMES);
    this.classes = informers.informer<StorageClass>(STORAGE_CLASSES);
    this.nodes = informers.informer<Node>(NODES);
    const onClaim = (claim: PersistentVolumeClaim) => this.queue.add(`claim ${keyOf(claim)}`);
    this.claims.addHandler({ add: onClaim, update: (_, claim) => onClaim(claim) });
    const onVolume = (volume: PersistentVolume) => this.queue.add(`volume ${keyOf(volume)}`);
    this.volumes.addHandler({ add: onVolume, update: (_, volume) => onVolume(volume) });
  }

  run(signal: AbortSignal): Promise<void> {
    return runSyncLoop(
      {
        context: this.context,
        queue: this.queue,
        concurrency: CONCURRENCY,
        informers: [this.claims, this.volumes, this.classes, this.nodes],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(key: Key, signal: AbortSignal): Promise<void> {
    const name = key.slice(key.indexOf(' ') + 1);
    try {
      if (key.startsWith('volume ')) {
        const volume = this.volumes.store.get(name);
        if (volume) await this.deleteReleased(volume, signal);
        return;
      }
      const claim = this.claims.store.get(name);
      if (!claim) return;
      if (claim.status?.phase === 'Bound') await this.grow(claim, signal);
      else if (!claim.spec?.volumeName) await this.provision(claim, signal);
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  private async provision(claim: PersistentVolumeClaim, signal: AbortSignal): Promise<void> {
    const { annotations = {}, deletionTimestamp, uid = '' } = claim.metadata ?? {};
    const named = annotations[STORAGE_PROVISIONER] ?? annotations[BETA_STORAGE_PROVISIONER];
    if (named === undefined || !FOLDER_PROVISIONERS.includes(named)) return;
    if (deletionTimestamp !== undefined) return;
    const storageClass = this.classes.store.get(classOfClaim(claim));
    if (storageClass?.provisioner !== named) return;
    const selected = annotations[SELECTED_NODE];
    const waits = storageClass.volumeBindingMode === 'WaitForFirstConsumer';
    if (waits && selected === undefined) return;
    if (this.volumes.store.get(`pvc-${uid}`)) return;
    this.tell(
      claim,
      'Normal',
      'Provisioning',
      `External provisioner is provisioning volume for claim "${keyOf(claim)}"`,
    );
    const node = selected === undefined ? undefined : this.nodes.store.get(selected);
    const fault = unsupported(claim);
    if (fault !== undefined || (selected !== undefined && !node)) {
      const why = fault ?? `failed to get target node: nodes ${JSON.stringify(selected)} not found`;
      const message = `failed to provision volume with StorageClass ${JSON.stringify(storageClass.metadata?.name)}: ${why}`;
      this.tell(claim, 'Warning', 'ProvisioningFailed', message);
      // The scheduler is to choose another node.
      if (fault === undefined) await this.giveBack(claim, signal);
      return;
    }
    const volume = volumeFor(claim, storageClass, node);
    try {
      await this.volumeClient.create(volume, { signal });
    } catch (err) {
      if (!isAlreadyExists(err)) throw err;
    }
    const message = `Successfully provisioned volume ${volume.metadata?.name ?? ''}`;
    this.tell(claim, 'Normal', 'ProvisioningSucceeded', message);
    this.context.logger.info({ claim: keyOf(claim), volume: `pvc-${uid}` }, 'Volume made');
  }

  private async giveBack(claim: PersistentVolumeClaim, signal: AbortSignal): Promise<void> {
    const { [SELECTED_NODE]: _, ...annotations } = claim.metadata?.annotations ?? {};
    const next = { ...claim, metadata: { ...claim.metadata, annotations } };
    await this.claimClient.update(next, { signal });
  }

  private async grow(claim: PersistentVolumeClaim, signal: AbortSignal): Promise<void> {
    const volume = this.volumes.store.get(claim.spec?.volumeName ?? '');
    if (!volume || !isOurs(volume) || volume.spec?.claimRef?.uid !== claim.metadata?.uid) return;
    const wanted = requestOf(claim);
    const size = claim.spec?.resources?.requests?.['storage'] ?? '0';
    const state = claim.status?.allocatedResourceStatuses?.['storage'];
    const now = formatTime(new Date(this.context.clock.now()));
    const enough = capacityOf(volume).compare(wanted) >= 0;
    if (enough && state !== 'ControllerResizeInProgress') return;
    let current = claim;
    if (!enough) {
      const status = resizing(claim, size, now);
      current = await this.claimClient.updateStatus({ ...claim, status }, { signal });
      const message = `External resizer is resizing volume ${volume.metadata?.name ?? ''}`;
      this.tell(claim, 'Normal', 'Resizing', message, `external-resizer ${HOSTPATH_PROVISIONER}`);
      const capacity = { ...volume.spec?.capacity, storage: size };
      const larger = { ...volume, spec: { ...volume.spec, capacity } };
      await this.volumeClient.update(larger, { signal });
    }
    const status = fileSystemPending(current, size, now);
    await this.claimClient.updateStatus({ ...current, status }, { signal });
    this.tell(
      claim,
      'Normal',
      'FileSystemResizeRequired',
      'Require file system resize of volume on node',
      `external-resizer ${HOSTPATH_PROVISIONER}`,
    );
  }

  private async deleteReleased(volume: PersistentVolume, signal: AbortSignal): Promise<void> {
    const { name = '', uid, deletionTimestamp } = volume.metadata ?? {};
    if (!isOurs(volume) || deletionTimestamp !== undefined) return;
    if (volume.status?.phase !== 'Released') return;
    if (volume.spec?.persistentVolumeReclaimPolicy !== 'Delete') return;
    const preconditions = uid === undefined ? {} : { uid };
    await this.volumeClient.delete('', name, { preconditions, signal });
    this.context.logger.info({ volume: name }, 'Volume deleted');
  }

  private tell(
    claim: PersistentVolumeClaim,
    type: EventType,
    reason: string,
    message: string,
    component?: string,
  ): void {
    const recorder =
      component === undefined ? this.recorder : this.recorder.forComponent(component);
    recorder.event(referenceTo(PERSISTENT_VOLUME_CLAIMS, claim), type, reason, message);
  }
}

/** Made here, and not by somebody else who goes by the same name. */
function isOurs({ metadata, spec }: PersistentVolume): boolean {
  const maker = metadata?.annotations?.[PROVISIONED_BY] ?? '';
  if (!FOLDER_PROVISIONERS.includes(maker)) return false;
  return spec?.hostPath?.path?.startsWith(`${ROOT}/`) === true;
}

/** What a new, empty folder cannot be. */
function unsupported({ spec }: PersistentVolumeClaim): string | undefined {
  if (spec?.selector) return 'claim Selector is not supported';
  if (spec?.dataSource ?? spec?.dataSourceRef) return 'data sources are not supported';
  return undefined;
}

/** Where no node was chosen, every node has a folder of that name. */
function volumeFor(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  node: Node | undefined,
): PersistentVolume {
  const { namespace = '', name: claimName = '', uid = '' } = claim.metadata ?? {};
  const name = `pvc-${uid}`;
  const hostname = node?.metadata?.labels?.[HOSTNAME] ?? node?.metadata?.name;
  const { accessModes, volumeMode, resources } = claim.spec ?? {};
  const terms = (value: string) => [
    { matchExpressions: [{ key: HOSTNAME, operator: 'In', values: [value] }] },
  ];
  return {
    metadata: { name, annotations: { [PROVISIONED_BY]: storageClass.provisioner } },
    spec: {
      capacity: { storage: resources?.requests?.['storage'] ?? '0' },
      ...(accessModes ? { accessModes } : {}),
      ...(volumeMode ? { volumeMode } : {}),
      claimRef: claimReference(claim),
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: storageClass.metadata?.name ?? '',
      ...(storageClass.mountOptions ? { mountOptions: storageClass.mountOptions } : {}),
      hostPath: { path: `${ROOT}/${name}_${namespace}_${claimName}`, type: 'DirectoryOrCreate' },
      ...(hostname === undefined
        ? {}
        : { nodeAffinity: { required: { nodeSelectorTerms: terms(hostname) } } }),
    },
  };
}
