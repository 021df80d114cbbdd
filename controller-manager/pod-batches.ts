/**
 * Many pods of one owner, created or deleted at a time, and counted off in its expectations where the cache
 * will not do it: what failed, and what was not even tried, is not going to be observed. What is to be
 * expected, the caller says before.
 */
import type { Pod } from '../pkg/api/types.js';
import { type KubeObject, keyOf } from '../pkg/apimachinery/meta.js';
import { isNamespaceTerminating, isNotFound } from '../pkg/client/errors.js';
import type { ResourceRef } from '../pkg/client/resources.js';
import type { Expectations } from './expectations.js';
import { type PodControl, slowStartBatch } from './pod-control.js';

export class PodBatches {
  constructor(
    private readonly ref: ResourceRef,
    private readonly control: PodControl,
    private readonly expectations: Expectations,
  ) {}

  /** The first of `pods` in batches that grow, until one fails. Returns how many came, and that failure. */
  async create(
    owner: KubeObject,
    pods: readonly Pod[],
    signal: AbortSignal,
  ): Promise<{ successes: number; error?: unknown }> {
    const left = pods.values();
    const outcome = await slowStartBatch(pods.length, async () => {
      const { value: pod } = left.next();
      if (!pod) return;
      try {
        await this.control.create(this.ref, owner, pod, signal);
      } catch (err) {
        // A namespace that goes away refuses everything; trying again cannot help.
        if (!isNamespaceTerminating(err)) throw err;
      }
    });
    this.expectations.creationObserved(keyOf(owner), pods.length - outcome.successes);
    return outcome;
  }

  /** All of them. Returns the first failure. */
  async delete(owner: KubeObject, pods: readonly Pod[], signal: AbortSignal): Promise<unknown> {
    const results = await Promise.allSettled(
      pods.map(async (pod) => {
        try {
          await this.control.delete(this.ref, owner, pod, signal);
        } catch (err) {
          this.expectations.deletionObserved(keyOf(owner), keyOf(pod));
          if (!isNotFound(err)) throw err;
        }
      }),
    );
    return results.find((result) => result.status === 'rejected')?.reason;
  }
}
