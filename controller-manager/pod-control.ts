/**
 * Creating and deleting pods for an owner, with the Events that users look for on the owner
 * (`pkg/controller.RealPodControl`).
 */

import type { Pod, PodTemplateSpec } from '../pkg/api/types.js';
import { clone } from '../pkg/apimachinery/clone.js';
import { apiVersionOf, type KubeObject, type OwnerReference } from '../pkg/apimachinery/meta.js';
import { isNamespaceTerminating, isNotFound } from '../pkg/client/errors.js';
import { type EventRecorder, referenceTo } from '../pkg/client/event-recorder.js';
import type { ResourceClient } from '../pkg/client/resource-client.js';
import { PODS, type ResourceRef } from '../pkg/client/resources.js';
import type { ControllerContext } from './controller.js';

/** generateName's base is cut so that name and suffix fit a label (`apiserver/pkg/storage/names`). */
const MAX_PREFIX = 253 - 5;

export class PodControl {
  private readonly pods: ResourceClient<Pod>;

  constructor(
    context: ControllerContext,
    private readonly recorder: EventRecorder,
  ) {
    this.pods = context.client.resource<Pod>(PODS);
  }

  /** Tells of a failure on the owner, then throws it. */
  async create(
    ownerRef: ResourceRef,
    owner: KubeObject,
    pod: Pod,
    signal: AbortSignal,
  ): Promise<Pod> {
    try {
      const made = await this.pods.create(pod, { signal });
      this.tell(
        ownerRef,
        owner,
        'Normal',
        'SuccessfulCreate',
        `Created pod: ${made.metadata?.name}`,
      );
      return made;
    } catch (err) {
      if (signal.aborted) throw err;
      if (!isNamespaceTerminating(err)) {
        this.tell(ownerRef, owner, 'Warning', 'FailedCreate', `Error creating: ${messageOf(err)}`);
      }
      throw err;
    }
  }

  /** A pod that is gone already is a NotFound, which callers take as done. */
  async delete(
    ownerRef: ResourceRef,
    owner: KubeObject,
    pod: Pod,
    signal: AbortSignal,
  ): Promise<void> {
    const { namespace = '', name = '' } = pod.metadata ?? {};
    try {
      await this.pods.delete(namespace, name, { signal });
      this.tell(ownerRef, owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
    } catch (err) {
      if (!isNotFound(err) && !signal.aborted) {
        this.tell(ownerRef, owner, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(err)}`);
      }
      throw err;
    }
  }

  private tell(
    ref: ResourceRef,
    owner: KubeObject,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
  ): void {
    this.recorder.event(referenceTo(ref, owner), type, reason, message);
  }
}

/** A pod of `template`, owned and controlled by `owner`. */
export function podFromTemplate(
  ref: ResourceRef,
  owner: KubeObject,
  template: PodTemplateSpec | undefined,
): Pod {
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  const prefix = `${owner.metadata?.name ?? ''}-`.slice(0, MAX_PREFIX);
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: prefix,
      namespace: owner.metadata?.namespace ?? '',
      ...(labels ? { labels: { ...labels } } : {}),
      ...(annotations ? { annotations: { ...annotations } } : {}),
      ...(finalizers?.length ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [controllerRefTo(ref, owner)],
    },
    ...(template?.spec ? { spec: clone(template.spec) } : {}),
  };
  return pod;
}

/** The owner reference that says "controls", and that foreground deletion of the owner waits for. */
export function controllerRefTo(ref: ResourceRef, owner: KubeObject): OwnerReference {
  return {
    apiVersion: apiVersionOf(ref),
    kind: ref.kind,
    name: owner.metadata?.name ?? '',
    uid: owner.metadata?.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

export function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}

/**
 * Runs `fn` `count` times in batches of 1, 2, 4 … so that a quota that refuses all of many creations is hit
 * once, not many times. Stops after the first batch with a failure. Returns the successes and that failure.
 */
export async function slowStartBatch(
  count: number,
  fn: () => Promise<void>,
): Promise<{ successes: number; error?: unknown }> {
  let successes = 0;
  for (let size = Math.min(count, 1); size > 0; size = Math.min(2 * size, count - successes)) {
    const results = await Promise.allSettled(Array.from({ length: size }, fn));
    const failed = results.find((r) => r.status === 'rejected');
    successes += results.filter((r) => r.status === 'fulfilled').length;
    if (failed) return { successes, error: failed.reason };
  }
  return { successes };
}
