/**
 * ResourceClaims of pods (`pkg/controller/resourceclaim`). Makes the claims that pods get from templates, and
 * sees to it that nobody keeps devices who will not use them.
 *
 *   pod names a template ─▶ claim POD-NAME-xxxxx, owned by the pod ─▶ pod.status.resourceClaimStatuses
 *   pod gone or done     ─▶ out of claim.status.reservedFor; with the last one goes the allocation
 *   claim made for a pod that is done ─▶ deleted
 *
 * The scheduler allocates and reserves; only for pods that were bound by others is a claim reserved here.
 */
import {
  canBeReserved,
  claimKeysOf,
  claimNameOf,
  DEVICES_FINALIZER,
  isReservedFor,
  notForPod,
} from '../../pkg/api/devices/pod-claims.js';
import type {
  Pod,
  PodResourceClaim,
  ResourceClaim,
  ResourceClaimConsumerReference,
  ResourceClaimTemplate,
} from '../../pkg/api/types.js';
import { controllerOf, keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import { type EventRecorder, referenceTo } from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { PODS, RESOURCE_CLAIM_TEMPLATES, RESOURCE_CLAIMS } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { controllerRefTo } from '../pod-control.js';
import { isPodTerminal } from '../pods.js';
import { withoutFinalizer } from '../volumes/finalizers.js';

const CONCURRENCY = 10;
/** On a claim: which of the pod's claims it is. */
const POD_CLAIM_NAME = 'resource.kubernetes.io/pod-claim-name';
const FIELD_MANAGER = 'ResourceClaimController';
/** Of a generated name: five characters and a hyphen come after it, and 63 are allowed. */
const MAX_BASE = 57;
const BY_CLAIM = 'resource-claim';
const BY_OWNER = 'owner';

type Key = `claim ${string}` | `pod ${string}`;

export const resourceClaim: ControllerDescriptor = {
  name: 'resourceclaim-controller',
  aliases: ['resource-claim-controller'],
  serviceAccount: 'resource-claim-controller',
  create: (context) => new ResourceClaimController(context),
};

class ResourceClaimController implements Controller {
  private readonly queue: RateLimitingQueue<Key>;
  private readonly pods: Informer<Pod>;
  private readonly claims: Informer<ResourceClaim>;
  private readonly templates: Informer<ResourceClaimTemplate>;
  private readonly claimClient: ResourceClient<ResourceClaim>;
  private readonly podClient: ResourceClient<Pod>;
  private readonly recorder: EventRecorder;
  /** Made here and not seen yet: pod uid → name in the pod → claim. Forgotten with the pod. */
  private readonly made = new Map<string, Map<string, string>>();

  constructor(private readonly context: ControllerContext) {
    const { client, informers, recorder, clock } = context;
    this.queue = new RateLimitingQueue<Key>(clock);
    this.recorder = recorder.forComponent('resource_claim');
    this.claimClient = client.resource<ResourceClaim>(RESOURCE_CLAIMS);
    this.podClient = client.resource<Pod>(PODS);
    this.pods = informers.informer<Pod>(PODS, { indexers: { [BY_CLAIM]: claimKeysOf } });
    this.claims = informers.informer<ResourceClaim>(RESOURCE_CLAIMS, {
      indexers: { [BY_OWNER]: (claim) => [controllerOf(claim)?.uid ?? ''] },
    });
    this.templates = informers.informer<ResourceClaimTemplate>(RESOURCE_CLAIM_TEMPLATES);
    this.pods.addHandler({
      add: (pod) => this.podChanged(pod, false),
      update: (old, pod) => {
        if (old.metadata?.uid !== pod.metadata?.uid) this.podChanged(old, true);
        this.podChanged(pod, false);
      },
      delete: (pod) => this.podChanged(pod, true),
    });
    this.claims.addHandler({
      add: (claim) => this.claimChanged(claim),
      update: (_, claim) => this.claimChanged(claim),
      delete: (claim) => this.usersChanged(claim),
    });
    const retry = ({ metadata }: ResourceClaimTemplate) => {
      for (const pod of this.pods.store.values())
        if (pod.metadata?.namespace === metadata?.namespace && namesTemplate(pod, metadata?.name))
          this.podChanged(pod, false);
    };
    this.templates.addHandler({ add: retry });
  }

  run(signal: AbortSignal): Promise<void> {
    return runSyncLoop(
      {
        context: this.context,
        queue: this.queue,
        concurrency: CONCURRENCY,
        informers: [this.pods, this.claims, this.templates],
        sync: (key, stop) => {
          const name = key.slice(key.indexOf(' ') + 1);
          return key.startsWith('pod ') ? this.syncPod(name, stop) : this.syncClaim(name, stop);
        },
      },
      signal,
    );
  }

  private async syncPod(key: string, signal: AbortSignal): Promise<void> {
    const pod = this.pods.store.get(key);
    if (!pod || pod.metadata?.deletionTimestamp !== undefined) return;
    const named = new Map<string, string>();
    for (const one of pod.spec?.resourceClaims ?? []) {
      try {
        const name = await this.ensureClaim(pod, one, signal);
        if (name !== undefined) named.set(one.name, name);
      } catch (err) {
        if (signal.aborted) throw err;
        const why = err instanceof Error ? err.message : String(err);
        const message = `PodResourceClaim ${one.name}: ${why}`;
        const ref = referenceTo(PODS, pod);
        this.recorder.event(ref, 'Warning', 'FailedResourceClaimCreation', message);
        throw err;
      }
    }
    if (named.size > 0) await this.tellPod(pod, named, signal);
    if (pod.spec?.nodeName) await this.reserveFor(pod, signal);
  }

  /** The name of a claim that the pod does not know of yet. */
  private async ensureClaim(
    pod: Pod,
    one: PodResourceClaim,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { namespace = '', uid = '' } = pod.metadata ?? {};
    const found = claimNameOf(pod, one);
    if (found.missing === undefined) {
      if (found.name === undefined) return undefined;
      const known = this.claims.store.get(`${namespace}/${found.name}`);
      if (known && (!found.owned || notForPod(pod, known) === undefined)) return undefined;
    }
    const templateName = one.resourceClaimTemplateName;
    if (templateName === undefined) return undefined;
    const earlier =
      this.claims.store
        .byIndex(BY_OWNER, uid)
        .find(({ metadata }) => metadata?.annotations?.[POD_CLAIM_NAME] === one.name)?.metadata
        ?.name ?? this.made.get(uid)?.get(one.name);
    if (earlier !== undefined && (found.missing !== undefined || found.name !== earlier))
      return earlier;
    const template = this.templates.store.get(`${namespace}/${templateName}`);
    if (!template) {
      const missing = `resourceclaimtemplate.resource.k8s.io ${JSON.stringify(templateName)} not found`;
      throw new Error(`resource claim template ${JSON.stringify(templateName)}: ${missing}`);
    }
    const claim = await this.claimClient.create(claimFor(pod, one, template), { signal });
    const name = claim.metadata?.name ?? '';
    this.made.set(uid, (this.made.get(uid) ?? new Map<string, string>()).set(one.name, name));
    this.context.logger.info({ pod: keyOf(pod), claim: name }, 'Claim made');
    return name;
  }

  private async tellPod(
    pod: Pod,
    named: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<void> {
    const { namespace = '', name = '' } = pod.metadata ?? {};
    const kept = (pod.status?.resourceClaimStatuses ?? []).filter((one) => !named.has(one.name));
    const more = [...named].map(([of, resourceClaimName]) => ({ name: of, resourceClaimName }));
    const body = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace, name },
      status: { resourceClaimStatuses: [...kept, ...more] },
    };
    const options = { fieldManager: FIELD_MANAGER, force: true, subresource: 'status', signal };
    await this.podClient.patch(namespace, name, 'apply', body, options);
  }

  private async reserveFor(pod: Pod, signal: AbortSignal): Promise<void> {
    for (const key of claimKeysOf(pod)) {
      const claim = this.claims.store.get(key);
      if (!claim?.status?.allocation || isReservedFor(pod, claim) || !canBeReserved(claim))
        continue;
      const { name = '', uid = '' } = pod.metadata ?? {};
      const user = { resource: 'pods', name, uid };
      const reservedFor = [...(claim.status.reservedFor ?? []), user];
      await this.claimClient.updateStatus(
        { ...claim, status: { ...claim.status, reservedFor } },
        { signal },
      );
    }
  }

  private async syncClaim(key: string, signal: AbortSignal): Promise<void> {
    const claim = this.claims.store.get(key);
    if (!claim) return;
    const users = claim.status?.reservedFor ?? [];
    const left: ResourceClaimConsumerReference[] = [];
    for (const user of users) if (await this.stillUses(claim, user, signal)) left.push(user);
    try {
      if (left.length < users.length || this.mayGo(claim, left))
        await this.giveBack(claim, left, signal);
      if (left.length === 0) await this.deleteUnused(claim, signal);
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  private mayGo({ metadata }: ResourceClaim, users: readonly object[]): boolean {
    return (
      users.length === 0 &&
      metadata?.deletionTimestamp !== undefined &&
      metadata.finalizers?.includes(DEVICES_FINALIZER) === true
    );
  }

  /** With the last user goes the allocation, so that the next one may find devices on another node. */
  private async giveBack(
    claim: ResourceClaim,
    users: readonly ResourceClaimConsumerReference[],
    signal: AbortSignal,
  ): Promise<void> {
    const ours = claim.metadata?.finalizers?.includes(DEVICES_FINALIZER) === true;
    const { allocation, reservedFor: _, ...rest } = claim.status ?? {};
    const kept = allocation && !(ours && users.length === 0) ? { allocation } : {};
    const status = { ...rest, ...kept, ...(users.length > 0 ? { reservedFor: [...users] } : {}) };
    const updated = await this.claimClient.updateStatus({ ...claim, status }, { signal });
    if (ours && users.length === 0)
      await this.claimClient.update(withoutFinalizer(updated, DEVICES_FINALIZER), { signal });
  }

  /** The cache may be late: that a pod is gone is asked of the server. */
  private async stillUses(
    claim: ResourceClaim,
    { apiGroup = '', resource, name, uid }: ResourceClaimConsumerReference,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (apiGroup !== '' || resource !== 'pods')
      throw new Error(`unsupported ReservedFor entry: ${resource} ${name}`);
    const namespace = claim.metadata?.namespace ?? '';
    const known = this.pods.store.get(`${namespace}/${name}`);
    if (known?.metadata?.uid === uid) return !isDone(known);
    try {
      const pod = await this.podClient.get(namespace, name, { signal });
      return pod.metadata?.uid === uid && !isDone(pod);
    } catch (err) {
      if (isNotFound(err)) return false;
      throw err;
    }
  }

  /** The garbage collector would do it too, but only when the pod itself is deleted. */
  private async deleteUnused(claim: ResourceClaim, signal: AbortSignal): Promise<void> {
    const { namespace = '', name = '', uid, deletionTimestamp } = claim.metadata ?? {};
    const owner = controllerOf(claim);
    if (deletionTimestamp !== undefined || owner?.kind !== 'Pod') return;
    const pod = this.pods.store.get(`${namespace}/${owner.name}`);
    if (!pod || (pod.metadata?.uid === owner.uid && !isDone(pod))) return;
    const preconditions = uid === undefined ? {} : { uid };
    await this.claimClient.delete(namespace, name, { preconditions, signal });
  }

  private podChanged(pod: Pod, gone: boolean): void {
    if (!pod.spec?.resourceClaims?.length) return;
    if (gone) this.made.delete(pod.metadata?.uid ?? '');
    if (gone || isDone(pod)) for (const key of claimKeysOf(pod)) this.queue.add(`claim ${key}`);
    if (!gone && pod.metadata?.deletionTimestamp === undefined) this.queue.add(`pod ${keyOf(pod)}`);
  }

  private claimChanged(claim: ResourceClaim): void {
    this.queue.add(`claim ${keyOf(claim)}`);
    this.usersChanged(claim);
  }

  private usersChanged(claim: ResourceClaim): void {
    for (const pod of this.pods.store.byIndex(BY_CLAIM, keyOf(claim))) this.podChanged(pod, false);
  }
}

/** Its containers do not run and never will. */
function isDone(pod: Pod): boolean {
  return (
    isPodTerminal(pod) || (pod.metadata?.deletionTimestamp !== undefined && !pod.spec?.nodeName)
  );
}

function namesTemplate(pod: Pod, name: string | undefined): boolean {
  return (pod.spec?.resourceClaims ?? []).some((one) => one.resourceClaimTemplateName === name);
}

function claimFor(pod: Pod, one: PodResourceClaim, { spec }: ResourceClaimTemplate): ResourceClaim {
  const { labels, annotations } = spec.metadata ?? {};
  return {
    metadata: {
      namespace: pod.metadata?.namespace ?? '',
      generateName: generateNameOf(pod.metadata?.name ?? '', one.name),
      ownerReferences: [controllerRefTo(PODS, pod)],
      annotations: { ...annotations, [POD_CLAIM_NAME]: one.name },
      ...(labels ? { labels } : {}),
    },
    spec: spec.spec,
  };
}

/** Of names that are too long together each gives up its share. */
function generateNameOf(pod: string, claim: string): string {
  const whole = `${pod}-${claim}-`;
  if (whole.length <= MAX_BASE) return whole;
  const share = (name: string) =>
    name.slice(0, Math.floor((name.length * MAX_BASE) / whole.length));
  return `${share(pod)}-${share(claim)}`;
}
