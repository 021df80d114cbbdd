/**
 * The former states of a StatefulSet or DaemonSet, as ControllerRevisions (`pkg/controller/history`). A state
 * is the pod template, kept as a strategic patch that puts it back:
 *
 *   data: { spec: { template: { $patch: replace, metadata: …, spec: … } } }
 *
 * Revisions are numbered from 1; the highest number is the newest state. A state that comes back takes the
 * next number and keeps its name, so that pods made from it are up to date again.
 *
 * Keys of the data are sorted: kubectl compares it byte by byte with its own, to tell "no change".
 */
import type { ControllerRevision, LabelSelector, PodTemplateSpec } from '../pkg/api/types.js';
import { clone } from '../pkg/apimachinery/clone.js';
import { semanticDeepEqual } from '../pkg/apimachinery/equality.js';
import { stableJson, templateHash } from '../pkg/apimachinery/hash.js';
import { isObject } from '../pkg/apimachinery/json-object.js';
import { selectorFromObject } from '../pkg/apimachinery/labels.js';
import { type KubeObject, keyOf } from '../pkg/apimachinery/meta.js';
import { isAlreadyExists, isConflict, isNotFound } from '../pkg/client/errors.js';
import type { Informer } from '../pkg/client/informer.js';
import type { ResourceClient } from '../pkg/client/resource-client.js';
import { CONTROLLER_REVISIONS, type ResourceRef } from '../pkg/client/resources.js';
import { BY_OWNER, ownerIndex } from '../pkg/client/store.js';
import { claim } from './claim.js';
import type { ControllerContext } from './controller.js';
import { claimable } from './ownership.js';
import { controllerRefTo } from './pod-control.js';

/** On pods, and on a DaemonSet's revisions: which state they are of. */
export const REVISION_HASH = 'controller-revision-hash';
/** Longer names are cut so that the hash still fits. */
const MAX_PREFIX = 223;
/** Names that are taken before creating a revision gives up; the next sync goes on from there. */
const MAX_COLLISIONS = 10;
const UPDATE_TRIES = 5;

/** An object that keeps a history: it selects pods and has a template for them. */
export interface HistoryOwner extends KubeObject {
  spec?: { selector?: LabelSelector; template?: PodTemplateSpec };
}

export interface NewRevision {
  readonly hash: string;
  readonly labels: Record<string, string>;
  readonly number: number;
}

export class ControllerHistory<O extends HistoryOwner> {
  readonly informer: Informer<ControllerRevision>;
  private readonly client: ResourceClient<ControllerRevision>;
  private readonly ownerClient: ResourceClient<O>;

  constructor(
    context: ControllerContext,
    private readonly ownerRef: ResourceRef,
  ) {
    this.client = context.client.resource<ControllerRevision>(CONTROLLER_REVISIONS);
    this.ownerClient = context.client.resource<O>(ownerRef);
    this.informer = context.informers.informer<ControllerRevision>(CONTROLLER_REVISIONS, {
      indexers: { [BY_OWNER]: ownerIndex },
    });
  }

  /** The owner's revisions, oldest first; orphans that its selector finds are adopted. */
  async claim(owner: O, signal: AbortSignal): Promise<ControllerRevision[]> {
    const owned = await claim({
      objects: claimable(this.informer.store, owner),
      client: this.client,
      owner,
      ownerRef: this.ownerRef,
      ownerClient: this.ownerClient,
      selector: selectorFromObject(owner.spec?.selector),
      signal,
    });
    return owned.sort(byRevision);
  }

  /** Undefined where the name belongs to another state. */
  async create(
    owner: O,
    { hash, labels, number }: NewRevision,
    signal: AbortSignal,
  ): Promise<ControllerRevision | undefined> {
    const { namespace = '', name = '', annotations } = owner.metadata ?? {};
    const revision: ControllerRevision = {
      metadata: {
        namespace,
        name: `${name.slice(0, MAX_PREFIX)}-${hash}`,
        labels,
        ...(annotations ? { annotations: { ...annotations } } : {}),
        ownerReferences: [controllerRefTo(this.ownerRef, owner)],
      },
      data: revisionData(owner.spec?.template),
      revision: number,
    };
    try {
      return await this.client.create(revision, { signal });
    } catch (err) {
      if (!isAlreadyExists(err)) throw err;
    }
    const found = await this.client.get(namespace, revision.metadata?.name ?? '', { signal });
    return semanticDeepEqual(found.data, revision.data) ? found : undefined;
  }

  /**
   * The same, with as many hashes as it takes. Returns the revision, and how many names were taken in all;
   * that count goes into the owner's status, since the next hash is made with it.
   */
  async createUnderFreeName(
    owner: O,
    number: number,
    collisionCount: number,
    labelsFor: (hash: string) => Record<string, string>,
    signal: AbortSignal,
  ): Promise<{ revision: ControllerRevision; collisionCount: number }> {
    const data = revisionData(owner.spec?.template);
    for (let count = collisionCount; count < collisionCount + MAX_COLLISIONS; count++) {
      const hash = templateHash(data, count);
      const revision = await this.create(owner, { hash, labels: labelsFor(hash), number }, signal);
      if (revision) return { revision, collisionCount: count };
    }
    throw new Error(`no free name for a revision of ${keyOf(owner)}`);
  }

  /** Gives a revision another number; tries again when somebody else changed it. */
  async renumber(
    revision: ControllerRevision,
    number: number,
    signal: AbortSignal,
  ): Promise<ControllerRevision> {
    const { namespace = '', name = '' } = revision.metadata ?? {};
    let current = revision;
    for (let tries = 1; ; tries++) {
      if (current.revision === number) return current;
      try {
        return await this.client.update({ ...current, revision: number }, { signal });
      } catch (err) {
        if (!isConflict(err) || tries >= UPDATE_TRIES) throw err;
      }
      current = await this.client.get(namespace, name, { signal });
    }
  }

  async label(
    revision: ControllerRevision,
    labels: Record<string, string>,
    signal: AbortSignal,
  ): Promise<ControllerRevision> {
    const metadata = { ...revision.metadata, labels: { ...revision.metadata?.labels, ...labels } };
    return this.client.update({ ...revision, metadata }, { signal });
  }

  /**
   * Deletes the oldest of `revisions`, which are sorted, until `limit` are left. Those that `isLive` holds
   * stay; whether they count towards the limit is the caller's affair, by which revisions it gives.
   */
  async truncate(
    revisions: readonly ControllerRevision[],
    limit: number,
    isLive: (revision: ControllerRevision) => boolean,
    signal: AbortSignal,
  ): Promise<void> {
    let excess = revisions.length - limit;
    for (const revision of revisions) {
      if (excess <= 0) return;
      if (isLive(revision)) continue;
      await this.delete(revision, signal);
      excess--;
    }
  }

  async delete(revision: ControllerRevision, signal: AbortSignal): Promise<void> {
    const { namespace = '', name = '' } = revision.metadata ?? {};
    try {
      await this.client.delete(namespace, name, { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
}

/** The patch that puts this template back. */
export function revisionData(template: PodTemplateSpec | undefined): Record<string, unknown> {
  const data = { spec: { template: { ...template, $patch: 'replace' } } };
  return JSON.parse(stableJson(data));
}

/** Tells the revisions of this template from others. */
export function ofTemplate(
  template: PodTemplateSpec | undefined,
): (revision: ControllerRevision) => boolean {
  const data = revisionData(template);
  return (revision) => semanticDeepEqual(revision.data, data);
}

/** The owner as it was: with the template of this revision in place of its own. */
export function atRevision<O extends HistoryOwner>(owner: O, revision: ControllerRevision): O {
  const spec = revision.data?.['spec'];
  const template = isObject(spec) ? spec['template'] : undefined;
  if (!isObject(template)) {
    throw new Error(`ControllerRevision ${keyOf(revision)} holds no pod template`);
  }
  const { $patch: _, ...former } = clone(template);
  return { ...owner, spec: { ...owner.spec, template: former } };
}

/** By number; of the same number, the older first, then by name. */
export function byRevision(a: ControllerRevision, b: ControllerRevision): number {
  return (
    a.revision - b.revision ||
    compareText(a.metadata?.creationTimestamp, b.metadata?.creationTimestamp) ||
    compareText(a.metadata?.name, b.metadata?.name)
  );
}

/** The number for the next state. `sorted` as `claim` returns them. */
export function nextNumber(sorted: readonly ControllerRevision[]): number {
  return (sorted.at(-1)?.revision ?? 0) + 1;
}

function compareText(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
