/**
 * Converts custom resources between versions by asking the webhook that their definition names
 * (ConversionReview v1 or v1beta1). The answer may change everything but an object's identity: its metadata
 * stays, except for labels and annotations.
 */
import { randomUUID } from 'node:crypto';
import type { CustomResourceConversion } from '../../pkg/api/types.js';
import { type KubeObject, parseApiVersion } from '../../pkg/apimachinery/meta.js';
import { internalError } from '../../pkg/apimachinery/status.js';
import type { Clock } from '../../pkg/component/clock.js';
import { callRemote } from '../server/remote-call.js';
import type { ServiceResolver } from '../server/service-resolver.js';
import type { ObjectConverter } from '../storage/stored-form.js';
import { isMap, type JsonMap } from './schema/structural.js';

/** Upstream's. */
const TIMEOUT_MS = 30_000;
const KNOWN_REVIEWS = ['v1', 'v1beta1'];

export interface ConversionWebhookOptions {
  readonly conversion: CustomResourceConversion;
  readonly services: ServiceResolver;
  readonly clock: Clock;
}

export class ConversionWebhook implements ObjectConverter {
  constructor(private readonly options: ConversionWebhookOptions) {}

  /** Rejects with a 500 that names the kind, as upstream. */
  async convert(objects: readonly KubeObject[], apiVersion: string): Promise<KubeObject[]> {
    const [first] = objects;
    if (!first) return [];
    try {
      return await this.ask(objects, apiVersion);
    } catch (err) {
      const { group, version } = parseApiVersion(first.apiVersion ?? '');
      const why = err instanceof Error ? err.message : String(err);
      throw internalError(
        new Error(
          `conversion webhook for ${group}/${version}, Kind=${first.kind ?? ''} ${err instanceof BadAnswer ? '' : 'failed: '}${why}`,
        ),
      );
    }
  }

  private async ask(objects: readonly KubeObject[], apiVersion: string): Promise<KubeObject[]> {
    const versions = this.options.conversion.webhook?.conversionReviewVersions ?? [];
    const reviewVersion = versions.find((version) => KNOWN_REVIEWS.includes(version));
    if (!reviewVersion) {
      throw new Error(
        `webhook does not accept known ConversionReview versions (${KNOWN_REVIEWS.join(', ')})`,
      );
    }
    const uid = randomUUID();
    const review = {
      kind: 'ConversionReview',
      apiVersion: `apiextensions.k8s.io/${reviewVersion}`,
      request: { uid, desiredAPIVersion: apiVersion, objects },
    };
    const answer: unknown = JSON.parse(await this.post(JSON.stringify(review)));
    const converted = convertedObjects(answer, uid, reviewVersion);
    if (converted.length !== objects.length) {
      throw new BadAnswer(`returned ${converted.length} objects, expected ${objects.length}`);
    }
    return objects.map((object, i) => merged(object, converted[i], apiVersion, i));
  }

  private async post(body: string): Promise<string> {
    const { conversion, services, clock } = this.options;
    const config = conversion.webhook?.clientConfig;
    const { service } = config ?? {};
    const shared = {
      body,
      clock,
      timeoutMs: TIMEOUT_MS,
      ...(config?.caBundle ? { ca: Buffer.from(config.caBundle, 'base64').toString() } : {}),
    };
    let answer: Awaited<ReturnType<typeof callRemote>>;
    if (service) {
      const port = service.port ?? 443;
      const dial = await services.resolve(service.namespace, service.name, port);
      const url = `https://${dial.serverName}:${port}${service.path ?? ''}?timeout=30s`;
      answer = await callRemote({ ...shared, url, dial, serverName: dial.serverName });
    } else answer = await callRemote({ ...shared, url: `${config?.url ?? ''}?timeout=30s` });
    if (answer.code !== 200)
      throw new Error(`the server responded with the status code ${answer.code}`);
    return answer.text;
  }
}

/** The webhook answered, and wrongly. */
class BadAnswer extends Error {}

function convertedObjects(answer: unknown, uid: string, reviewVersion: string): unknown[] {
  const expected = `apiextensions.k8s.io/${reviewVersion}, Kind=ConversionReview`;
  if (!isMap(answer)) throw new Error(`expected webhook response of ${expected}`);
  const { response } = answer as { response?: unknown };
  const { apiVersion, kind } = answer as { apiVersion?: unknown; kind?: unknown };
  if (`${String(apiVersion)}, Kind=${String(kind)}` !== expected) {
    throw new Error(
      `expected webhook response of ${expected}, got ${String(apiVersion)}, Kind=${String(kind)}`,
    );
  }
  if (!isMap(response)) throw new Error('no response provided');
  const told = response as { uid?: unknown; result?: unknown; convertedObjects?: unknown };
  if (told.uid !== uid) {
    throw new Error(
      `expected response.uid ${JSON.stringify(uid)}, got ${JSON.stringify(told.uid)}`,
    );
  }
  const result: { status?: unknown; message?: unknown } = isMap(told.result) ? told.result : {};
  if (result.status !== 'Success') {
    const message = typeof result.message === 'string' ? result.message : '';
    throw new Error(
      message === ''
        ? `response.result.status was '${String(result.status ?? '')}', not 'Success'`
        : message,
    );
  }
  return Array.isArray(told.convertedObjects) ? told.convertedObjects : [];
}

/** The converted object under the identity of the one that was sent. */
function merged(
  original: KubeObject,
  converted: unknown,
  apiVersion: string,
  index: number,
): KubeObject {
  const wrong = (why: string) =>
    new BadAnswer(`returned invalid converted object at index ${index}: ${why}`);
  if (!isMap(converted)) throw wrong('not an object');
  const { metadata, ...rest } = converted as KubeObject & JsonMap;
  if (rest.apiVersion !== apiVersion) {
    throw wrong(
      `invalid groupVersion (expected ${apiVersion}, received ${String(rest.apiVersion)})`,
    );
  }
  if (rest.kind !== original.kind) {
    throw wrong(`invalid kind (expected ${original.kind ?? ''}, received ${String(rest.kind)})`);
  }
  if (!isMap(metadata)) throw wrong('missing metadata in converted object');
  for (const [field, title] of [
    ['name', 'name'],
    ['namespace', 'namespace'],
    ['uid', 'UID'],
  ] as const) {
    const was = original.metadata?.[field] ?? '';
    const is = String(metadata[field] ?? '');
    if (was !== is) throw wrong(`must have the same ${title}: ${was} != ${is}`);
  }
  const { labels: _labels, annotations: _annotations, ...identity } = original.metadata ?? {};
  const texts = (field: 'labels' | 'annotations') => {
    const values = metadata[field];
    if (values === undefined || values === null) return {};
    if (!isMap(values)) throw wrong(`invalid metadata.${field} in converted object`);
    for (const [key, value] of Object.entries(values)) {
      if (typeof value !== 'string')
        throw wrong(
          `metadata.${field}[${key}] must be a string, but is ${typeof value} in converted object`,
        );
    }
    return { [field]: values as Record<string, string> };
  };
  return { ...rest, metadata: { ...identity, ...texts('labels'), ...texts('annotations') } };
}
