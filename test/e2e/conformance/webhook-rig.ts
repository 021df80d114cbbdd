/** What clauses about webhooks share: configurations that go with their clause, and what a webhook answers. */
import type { KubernetesObject, V1ConfigMap } from '@kubernetes/client-node';
import type { World } from '../../support/clause.js';
import { failureOf } from '../../support/kube.js';
import type { Resource } from '../../support/objects.js';
import {
  type AdmissionRequest,
  type ClientConfig,
  type Verdict,
  WebhookServer,
} from '../../support/webhook-server.js';

export type Kind = 'mutating' | 'validating';

export interface Webhook {
  readonly name: string;
  readonly clientConfig: Partial<ClientConfig>;
  readonly [more: string]: unknown;
}

export interface Configuration extends KubernetesObject {
  readonly webhooks?: readonly Webhook[];
}

export const ANY = ['CREATE', 'UPDATE', 'DELETE'];
export const ALLOWED: Verdict = { allowed: true };
/** Whoever is asked of this one has been registered. */
const MARKER = 'marker';

export function configurations(w: World, kind: Kind): Resource<Configuration> {
  return w.all('admissionregistration.k8s.io/v1', `${kind}webhookconfigurations`);
}

export function rule(resources: string[], operations: string[], apiGroups = ['']): object {
  return { apiGroups, apiVersions: ['*'], operations, resources };
}

/** Asked about these requests in the clause's namespace. */
export function webhook(
  w: World,
  clientConfig: Partial<ClientConfig>,
  rules: readonly object[],
  more: object = {},
): Webhook {
  return {
    name: `hook.${w.namespace}.example.com`,
    clientConfig,
    rules,
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': w.namespace } },
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    timeoutSeconds: 10,
    ...more,
  };
}

/** Creates the configuration, and waits until the API server asks its webhooks: one more refuses a marker. */
export async function register(
  w: World,
  hooks: WebhookServer,
  kind: Kind,
  webhooks: readonly Webhook[],
): Promise<string> {
  const name = `${w.namespace}-${kind}`;
  const mark = webhook(
    w,
    hooks.admit(`/${kind}/marker`, () => ({ allowed: false })),
    [rule(['configmaps'], ['CREATE'])],
    {
      name: `marker.${w.namespace}.example.com`,
      objectSelector: { matchLabels: { [MARKER]: kind } },
    },
  );
  await configurations(w, kind).create({ metadata: { name }, webhooks: [...webhooks, mark] });
  removeAfter(w, kind, name);
  await w.until('the webhooks are asked', async () => {
    const marker = { metadata: { name: MARKER, labels: { [MARKER]: kind } } };
    try {
      await w.configMaps.create(marker, { dryRun: 'All' });
      return false;
    } catch {
      return true;
    }
  });
  return name;
}

export function removeAfter(w: World, kind: Kind, name: string): void {
  w.t.teardown(async () => {
    if (await configurations(w, kind).find(name)) await configurations(w, kind).delete(name);
  });
}

/** It is refused by a webhook, for this reason. */
export async function denied(w: World, what: string, call: Promise<unknown>, why: RegExp) {
  const { code, message } = await failureOf(call);
  w.t.ok(code === 400 || code === 403, `${what}: ${code}`);
  w.t.match(message, /admission webhook "\S+" denied the request/, what);
  w.t.match(message, why, what);
}

export const map = (name: string, data: Record<string, string> = {}): V1ConfigMap => ({
  metadata: { name },
  data,
});

function dataOf({ object }: AdmissionRequest): Record<string, string> {
  const { data }: V1ConfigMap = object ?? {};
  return data ?? {};
}

/** Adds a key to data that has this other one. */
export function stage(needs: string, adds: string): (request: AdmissionRequest) => Verdict {
  return (request) =>
    needs in dataOf(request)
      ? { allowed: true, patch: [{ op: 'add', path: `/data/${adds}`, value: 'yes' }] }
      : ALLOWED;
}

export const always = (adds: string) => (): Verdict => ({
  allowed: true,
  patch: [{ op: 'add', path: `/data/${adds}`, value: 'yes' }],
});

/** A new map of data, and what it became. */
export async function made(
  w: World,
  data: Record<string, string>,
): Promise<Record<string, string>> {
  const metadata = { generateName: 'made-' };
  return (await w.configMaps.create({ metadata, data })).data ?? {};
}

export function refuseOffending(request: AdmissionRequest): Verdict {
  return 'offends' in dataOf(request) ? { allowed: false, message: 'the map offends' } : ALLOWED;
}

export const hooksOf = (w: World) => WebhookServer.start(w.t, w.cluster);
