/**
 * Has volumes of CSI drivers attached to the nodes whose pods use them (`pkg/controller/volume/attachdetach`).
 * A VolumeAttachment says what is wanted; the driver's attacher does it and says so in the status; what is
 * attached stands in the node's status. Where nobody serves the driver, the attachment waits.
 *
 *   pod on a node ─▶ VolumeAttachment ─▶ attached ─▶ node.status.volumesAttached ─▶ the kubelet mounts
 *   pod gone ─ the node has let go of it (`volumes/detachment.ts`) ─▶ off the status ─▶ VolumeAttachment deleted
 */
import type {
  CSIDriver,
  CSIPersistentVolumeSource,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  VolumeAttachment,
} from '../../pkg/api/types.js';
import {
  attachmentName,
  isAttachmentName,
  uniqueVolumeName,
} from '../../pkg/api/volumes/attachments.js';
import { claimsOfPod } from '../../pkg/api/volumes/claims.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
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
  CSI_DRIVERS,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  PODS,
  VOLUME_ATTACHMENTS,
} from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { BY_NODE, isPodTerminal, nodeIndex } from '../pods.js';
import { BY_CLAIM, claimIndex } from '../volumes/claim-index.js';
import { isOutOfService, isReady, waitForUnmount } from '../volumes/detachment.js';

const CONCURRENCY = 4;
/** How long an attacher is waited for before an Event says so, and how often it is said. */
const ATTACH_TIMEOUT_MS = 120_000;

export const attachDetach: ControllerDescriptor = {
  name: 'persistentvolume-attach-detach-controller',
  aliases: ['attachdetach'],
  serviceAccount: 'attachdetach-controller',
  create: (context) => new AttachDetachController(context),
};

interface Wanted {
  readonly name: string;
  readonly volume: PersistentVolume;
  readonly csi: CSIPersistentVolumeSource;
  readonly pods: Pod[];
}

class AttachDetachController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly pods: Informer<Pod>;
  private readonly nodes: Informer<Node>;
  private readonly claims: Informer<PersistentVolumeClaim>;
  private readonly volumes: Informer<PersistentVolume>;
  private readonly drivers: Informer<CSIDriver>;
  private readonly attachments: Informer<VolumeAttachment>;
  private readonly client: ResourceClient<VolumeAttachment>;
  private readonly nodeClient: ResourceClient<Node>;
  private readonly recorder: EventRecorder;
  /** Attachments whose outcome was told, with the time or the error. */
  private readonly told = new Map<string, string>();
  private readonly since = new Map<string, number>();

  constructor(private readonly context: ControllerContext) {
    const { client, informers, recorder } = context;
    this.queue = new RateLimitingQueue(context.clock);
    this.recorder = recorder.forComponent('attachdetach-controller');
    this.client = client.resource<VolumeAttachment>(VOLUME_ATTACHMENTS);
    this.nodeClient = client.resource<Node>(NODES);
    this.pods = informers.informer<Pod>(PODS, {
      indexers: { [BY_NODE]: nodeIndex, [BY_CLAIM]: claimIndex },
    });
    this.nodes = informers.informer<Node>(NODES);
    this.claims = informers.informer<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
    this.volumes = informers.informer<PersistentVolume>(PERSISTENT_VOLUMES);
    this.drivers = informers.informer<CSIDriver>(CSI_DRIVERS);
    this.attachments = informers.informer<VolumeAttachment>(VOLUME_ATTACHMENTS, {
      indexers: { [BY_NODE]: attachedTo },
    });
    const onPod = (pod: Pod) => {
      if (pod.spec?.nodeName && claimsOfPod(pod).length > 0) this.queue.add(pod.spec.nodeName);
    };
    const onClaim = (claim: PersistentVolumeClaim) => {
      if (claim.status?.phase !== 'Bound') return;
      for (const pod of this.pods.store.byIndex(BY_CLAIM, keyOf(claim))) onPod(pod);
    };
    const onAttachment = ({ spec }: VolumeAttachment) => this.queue.add(spec.nodeName);
    this.pods.addHandler({ add: onPod, update: (_, pod) => onPod(pod), delete: onPod });
    this.claims.addHandler({ add: onClaim, update: (_, claim) => onClaim(claim) });
    this.attachments.addHandler({
      add: onAttachment,
      update: (_, attachment) => onAttachment(attachment),
      delete: (attachment) => {
        this.told.delete(keyOf(attachment));
        this.since.delete(keyOf(attachment));
        onAttachment(attachment);
      },
    });
    this.nodes.addHandler({
      update: (old, node) => {
        if (!sameUse(old, node)) this.queue.add(keyOf(node));
      },
      delete: (node) => this.queue.add(keyOf(node)),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    const { pods, nodes, claims, volumes, drivers, attachments } = this;
    return runSyncLoop(
      {
        context: this.context,
        queue: this.queue,
        concurrency: CONCURRENCY,
        informers: [pods, nodes, claims, volumes, drivers, attachments],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(node: string, signal: AbortSignal): Promise<void> {
    const wanted = this.wantedOn(node);
    const shown = new Set(
      this.nodes.store.get(node)?.status?.volumesAttached?.map(({ name }) => name),
    );
    const present = this.attachments.store
      .byIndex(BY_NODE, node)
      .filter(({ metadata }) => isAttachmentName(metadata?.name ?? ''));
    const going = present.filter((one) => !wanted.has(keyOf(one)) && this.mayGo(node, one));
    // Off the status first: nothing mounts what is about to be taken away.
    await this.report(
      node,
      present.filter((one) => !going.includes(one)),
      signal,
    );
    for (const one of going) await this.detach(one, signal);
    for (const want of wanted.values()) {
      const known = this.attachments.store.get(want.name);
      // What the node showed before was told before, maybe by a process that is no more.
      if (known && !shown.has(uniqueVolumeName(want.csi))) this.tell(node, want, known);
      else if (known) this.told.set(want.name, 'attached');
      else await this.attach(node, want, signal);
    }
  }

  private wantedOn(node: string): Map<string, Wanted> {
    const wanted = new Map<string, Wanted>();
    for (const pod of this.pods.store.byIndex(BY_NODE, node)) {
      if (isPodTerminal(pod)) continue;
      for (const { claim: claimName } of claimsOfPod(pod)) {
        const claim = this.claims.store.get(`${pod.metadata?.namespace ?? ''}/${claimName}`);
        if (claim?.status?.phase !== 'Bound') continue;
        const volume = this.volumes.store.get(claim.spec?.volumeName ?? '');
        const csi = volume?.spec?.csi;
        if (!volume || !csi || this.drivers.store.get(csi.driver)?.spec.attachRequired === false)
          continue;
        const name = attachmentName(csi, node);
        const known = wanted.get(name);
        if (known) known.pods.push(pod);
        else wanted.set(name, { name, volume, csi, pods: [pod] });
      }
    }
    return wanted;
  }

  private async attach(node: string, want: Wanted, signal: AbortSignal): Promise<void> {
    const elsewhere = this.exclusiveElsewhere(node, want);
    if (elsewhere !== undefined) {
      if (this.told.get(want.name) === elsewhere) return;
      this.told.set(want.name, elsewhere);
      const name = JSON.stringify(want.volume.metadata?.name);
      this.event(
        want,
        'Warning',
        'FailedAttachVolume',
        `Multi-Attach error for volume ${name} ${elsewhere}`,
      );
      return;
    }
    try {
      await this.client.create(
        {
          metadata: { name: want.name },
          spec: {
            attacher: want.csi.driver,
            nodeName: node,
            source: { persistentVolumeName: want.volume.metadata?.name ?? '' },
          },
        },
        { signal },
      );
    } catch (err) {
      if (!isAlreadyExists(err)) throw err;
    }
  }

  /** Why the volume cannot be here as well: it is for one node, and another has it. */
  private exclusiveElsewhere(node: string, { volume }: Wanted): string | undefined {
    const modes = volume.spec?.accessModes ?? [];
    if (modes.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany')) return undefined;
    for (const { spec } of this.attachments.store.values()) {
      if (spec.source?.persistentVolumeName !== volume.metadata?.name) continue;
      if (spec.nodeName === node) continue;
      // Woken again when it is gone there.
      this.queue.addAfter(node, 1000);
      const { namespace = '', name = '' } = volume.spec?.claimRef ?? {};
      const users = this.pods.store
        .byIndex(BY_CLAIM, `${namespace}/${name}`)
        .filter((pod) => pod.spec?.nodeName === spec.nodeName)
        .map((pod) => pod.metadata?.name ?? '');
      return users.length > 0
        ? `Volume is already used by pod(s) ${users.sort().join(', ')}`
        : "Volume is already exclusively attached to one node and can't be attached to another";
    }
    return undefined;
  }

  private tell(node: string, want: Wanted, { status }: VolumeAttachment): void {
    const volume = JSON.stringify(want.volume.metadata?.name);
    const now = this.context.clock.monotonic();
    const say = (outcome: string, type: EventType, reason: string, message: string) => {
      if (this.told.get(want.name) === outcome) return;
      this.told.set(want.name, outcome);
      this.event(want, type, reason, message);
    };
    if (status?.attached) {
      this.since.delete(want.name);
      const message = `AttachVolume.Attach succeeded for volume ${volume} `;
      say('attached', 'Normal', 'SuccessfulAttachVolume', message);
      return;
    }
    const failed = (why: string) => `AttachVolume.Attach failed for volume ${volume} : ${why}`;
    const error = status?.attachError;
    if (error) {
      const outcome = `${error.time ?? ''} ${error.message ?? ''}`;
      say(outcome, 'Warning', 'FailedAttachVolume', failed(error.message ?? ''));
      return;
    }
    const since = this.since.get(want.name) ?? now;
    this.since.set(want.name, since);
    const left = since + ATTACH_TIMEOUT_MS - now;
    this.queue.addAfter(node, left > 0 ? left : ATTACH_TIMEOUT_MS);
    if (left > 0) return;
    this.since.set(want.name, now);
    const { driver, volumeHandle } = want.csi;
    const why = `timed out waiting for external-attacher of ${driver} CSI driver to attach volume ${volumeHandle}`;
    say(String(now), 'Warning', 'FailedAttachVolume', failed(why));
  }

  private event(want: Wanted, type: EventType, reason: string, message: string): void {
    for (const pod of want.pods) this.recorder.event(referenceTo(PODS, pod), type, reason, message);
  }

  /** Whether it may be taken from the node. Looks again when time alone will decide. */
  private mayGo(name: string, attachment: VolumeAttachment): boolean {
    const node = this.nodes.store.get(name);
    const csi = this.csiOf(attachment);
    const key = keyOf(attachment);
    if (!node || !csi) return true;
    const now = this.context.clock.monotonic();
    const since = this.since.get(key) ?? now;
    this.since.set(key, since);
    const left = waitForUnmount(node, uniqueVolumeName(csi), now - since);
    if (left > 0 && left < Number.POSITIVE_INFINITY) this.queue.addAfter(name, left);
    return left === 0;
  }

  private async detach(attachment: VolumeAttachment, signal: AbortSignal): Promise<void> {
    if (attachment.metadata?.deletionTimestamp !== undefined) return;
    try {
      await this.client.delete('', attachment.metadata?.name ?? '', { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  private async report(
    name: string,
    attachments: readonly VolumeAttachment[],
    signal: AbortSignal,
  ): Promise<void> {
    const node = this.nodes.store.get(name);
    if (!node) return;
    const attached = attachments
      .filter(({ status }) => status?.attached === true)
      .flatMap((one) => {
        const csi = this.csiOf(one);
        return csi ? [{ name: uniqueVolumeName(csi), devicePath: '' }] : [];
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    if (semanticDeepEqual(node.status?.volumesAttached ?? [], attached)) return;
    const status = { volumesAttached: attached.length > 0 ? attached : null };
    try {
      await this.nodeClient.patch('', name, 'merge', { status }, { subresource: 'status', signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  private csiOf({ spec }: VolumeAttachment): CSIPersistentVolumeSource | undefined {
    return this.volumes.store.get(spec.source?.persistentVolumeName ?? '')?.spec?.csi;
  }
}

function sameUse(old: Node, node: Node): boolean {
  return (
    semanticDeepEqual(old.status?.volumesInUse, node.status?.volumesInUse) &&
    isReady(old) === isReady(node) &&
    isOutOfService(old) === isOutOfService(node)
  );
}

function attachedTo({ spec }: VolumeAttachment): readonly string[] {
  return [spec.nodeName];
}
