/**
 * ImagePolicyWebhook: a backend is asked, with an ImageReview (`imagepolicy.k8s.io/v1alpha1`), whether the
 * images of a pod may run. Answers are kept for a while; no answer means what the configuration says.
 */
import type { Pod } from '../../../pkg/api/types.js';
import { LruMap } from '../../../pkg/component/lru-map.js';
import { remoteTarget } from '../../authn/remote-target.js';
import { callRemote, RemoteCallError } from '../../server/remote-call.js';
import type { RequestContext } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPlugin, AdmissionPluginFactory } from '../admission.js';
import { type Fields, isFields } from '../configurations/fields.js';
import type { ImagePolicyOptions } from '../configurations/image-policy.js';
import { refuse } from '../refuse.js';

const TIMEOUT_MS = 30_000;
const MAX_KEPT = 1_024;
/** Calls for one review, the first included; each waits this much longer than the one before. */
const ATTEMPTS = 5;
const BACKOFF_FACTOR = 1.5;
const BACKOFF_JITTER = 0.2;
/** Only these annotations of a pod are told. */
const TOLD = '.image-policy.k8s.io/';
const AUDIT_PREFIX = 'imagepolicywebhook.image-policy.k8s.io/';
const FAILED_OPEN = 'alpha.image-policy.k8s.io/failed-open';

interface ReviewStatus {
  readonly allowed: boolean;
  readonly reason: string;
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

export function imagePolicyWebhook(
  options: ImagePolicyOptions | undefined,
): AdmissionPluginFactory {
  return {
    name: 'ImagePolicyWebhook',
    create: () => {
      if (!options)
        throw new Error(
          'couldn\'t init admission plugin "ImagePolicyWebhook": no configuration: --admission-control-config-file names none',
        );
      return new ImagePolicyWebhook(options);
    },
  };
}

class ImagePolicyWebhook implements AdmissionPlugin {
  readonly name = 'ImagePolicyWebhook';
  private readonly kept = new LruMap<{ status: ReviewStatus; until: number }>(MAX_KEPT);

  constructor(private readonly options: ImagePolicyOptions) {}

  handles(operation: string, group: string, resource: string, subresource: string): boolean {
    return (
      (operation === 'CREATE' || operation === 'UPDATE') &&
      group === '' &&
      resource === 'pods' &&
      (subresource === '' || subresource === 'ephemeralcontainers')
    );
  }

  async validate(attributes: AdmissionAttributes, ctx: RequestContext): Promise<void> {
    const pod: Pod = attributes.object ?? {};
    const spec = JSON.stringify(specOf(attributes, pod));
    let status = this.keptOf(spec, ctx);
    if (!status) {
      try {
        status = await this.review(spec, ctx);
      } catch (err) {
        if (!this.options.defaultAllow)
          throw refuse(attributes, err instanceof Error ? err.message : String(err));
        ctx.annotate(`${AUDIT_PREFIX}failed-open`, 'true');
        if (pod.metadata)
          pod.metadata.annotations = { ...pod.metadata.annotations, [FAILED_OPEN]: 'true' };
        ctx.logger.warn({ err }, 'The image policy webhook gives no answer; the pod is let in');
        return;
      }
      const { allowTtlMs, denyTtlMs } = this.options;
      const ttl = status.allowed ? allowTtlMs : denyTtlMs;
      this.kept.set(spec, { status, until: ctx.clock.now() + ttl });
    }
    for (const [key, value] of Object.entries(status.auditAnnotations))
      ctx.annotate(`${AUDIT_PREFIX}${key}`, value);
    if (status.allowed) return;
    throw refuse(
      attributes,
      status.reason === ''
        ? 'one or more images rejected by webhook backend'
        : `image policy webhook backend denied one or more images: ${status.reason}`,
    );
  }

  private keptOf(spec: string, ctx: RequestContext): ReviewStatus | undefined {
    const known = this.kept.get(spec);
    return known && known.until > ctx.clock.now() ? known.status : undefined;
  }

  private async review(spec: string, ctx: RequestContext): Promise<ReviewStatus> {
    let wait = this.options.retryBackoffMs;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.ask(spec, ctx);
      } catch (err) {
        if (attempt === ATTEMPTS || !isTransient(err)) throw err;
        await ctx.clock.sleep(wait * (1 + BACKOFF_JITTER * ctx.clock.random()), ctx.signal);
        wait *= BACKOFF_FACTOR;
      }
    }
  }

  private async ask(spec: string, { clock, signal }: RequestContext): Promise<ReviewStatus> {
    const { code, text } = await callRemote({
      ...remoteTarget(this.options.target),
      timeoutMs: TIMEOUT_MS,
      clock,
      signal,
      body: `{"kind":"ImageReview","apiVersion":"imagepolicy.k8s.io/v1alpha1","metadata":{"creationTimestamp":null},"spec":${spec},"status":{"allowed":false}}`,
    });
    if (code < 200 || code >= 300) throw new BackendError(code);
    const review: unknown = JSON.parse(text);
    const status = isFields(review) ? review['status'] : undefined;
    if (!isFields(review) || review['kind'] !== 'ImageReview' || !isFields(status))
      throw new Error('the image policy webhook did not answer with an ImageReview');
    return {
      allowed: status['allowed'] === true,
      reason: typeof status['reason'] === 'string' ? status['reason'] : '',
      auditAnnotations: textsOf(status['auditAnnotations']),
    };
  }
}

class BackendError extends Error {
  constructor(readonly code: number) {
    super(`Error contacting webhook: ${code}`);
  }
}

/** Upstream's list: a connection that was cut, and the codes that promise better luck next time. */
function isTransient(err: unknown): boolean {
  if (err instanceof BackendError) return [429, 500, 504].includes(err.code);
  return err instanceof RemoteCallError && /connection reset|EOF$/.test(err.message);
}

function specOf({ subresource, namespace }: AdmissionAttributes, { metadata, spec }: Pod): object {
  const all =
    subresource === ''
      ? [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])]
      : (spec?.ephemeralContainers ?? []);
  const told = Object.entries(metadata?.annotations ?? {}).filter(([key]) => key.includes(TOLD));
  return {
    containers: all.map(({ image }) => ({ image })),
    ...(told.length > 0 ? { annotations: Object.fromEntries(told) } : {}),
    namespace,
  };
}

function textsOf(value: unknown): Readonly<Record<string, string>> {
  const fields: Fields = isFields(value) ? value : {};
  return Object.fromEntries(
    Object.entries(fields).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
}
