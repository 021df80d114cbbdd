/**
 * What an autoscaler scales: any object with a scale subresource, of a built-in kind, a custom one or one of
 * an extension server. Which resource a kind is, discovery says; it is asked again for a kind that is not
 * known, but not more often than every `REFRESH_MS`.
 */
import type { CrossVersionObjectReference, Scale } from '../../pkg/api/types.js';
import { parseApiVersion } from '../../pkg/apimachinery/meta.js';
import { discoverPreferred } from '../../pkg/client/discovery.js';
import type { ResourceRef } from '../../pkg/client/resources.js';
import { resourcePath } from '../../pkg/client/resources.js';
import type { RestClient } from '../../pkg/client/rest.js';
import type { Clock } from '../../pkg/component/clock.js';

const REFRESH_MS = 5000;

export class ScaleTargets {
  private known: readonly ResourceRef[] = [];
  private askedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly client: RestClient,
    private readonly clock: Clock,
  ) {}

  /** The resource of a kind. Throws where there is none. */
  async resourceOf(
    { apiVersion = '', kind }: CrossVersionObjectReference,
    signal: AbortSignal,
  ): Promise<ResourceRef> {
    if (apiVersion.split('/').length > 2)
      throw new Error(`unexpected GroupVersion string: ${apiVersion}`);
    const { group } = parseApiVersion(apiVersion);
    const find = () => this.known.find((ref) => ref.group === group && ref.kind === kind);
    let found = find();
    if (!found && this.clock.monotonic() - this.askedAt >= REFRESH_MS) {
      this.askedAt = this.clock.monotonic();
      this.known = (await discoverPreferred(this.client, { signal })).resources;
      found = find();
    }
    if (!found)
      throw new Error(
        `no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`,
      );
    return found;
  }

  async get(
    ref: ResourceRef,
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<Scale> {
    const path = resourcePath(ref, namespace, name, 'scale');
    return JSON.parse((await this.client.request({ path, signal })).text);
  }

  /** Whether objects of the resource have a scale at all. */
  async isScalable(ref: ResourceRef, signal: AbortSignal): Promise<boolean> {
    const path = ref.group === '' ? `/api/${ref.version}` : `/apis/${ref.group}/${ref.version}`;
    const { resources = [] }: { resources?: { name: string }[] } = JSON.parse(
      (await this.client.request({ path, signal })).text,
    );
    return resources.some(({ name }) => name === `${ref.resource}/scale`);
  }

  /** A conflict means that somebody else changed the target meanwhile. */
  async update(
    ref: ResourceRef,
    scale: Scale,
    replicas: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { namespace = '', name = '' } = scale.metadata ?? {};
    await this.client.request({
      method: 'PUT',
      path: resourcePath(ref, namespace, name, 'scale'),
      body: JSON.stringify({ ...scale, spec: { ...scale.spec, replicas } }),
      signal,
    });
  }
}
