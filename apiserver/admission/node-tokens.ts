/**
 * Tokens that a kubelet asks for: each for a pod that runs on its node, and for an audience that the pod
 * itself asks for by a volume or a CSI driver of it, unless the kubelet is given the right to more.
 */
import type { CSIDriver, PersistentVolume, Pod, TokenRequest } from '../../pkg/api/types.js';
import { isReason } from '../../pkg/apimachinery/status.js';
import type { RequestContext, ServerAccess } from '../server/request-context.js';
import type { AdmissionAttributes } from './admission.js';
import { refuse } from './refuse.js';

const AUDIENCE_VERB = 'request-serviceaccounts-token-audience';

export interface TokenAttempt {
  readonly node: string;
  readonly attributes: AdmissionAttributes;
  readonly ctx: RequestContext;
  readonly server: ServerAccess;
}

export async function checkTokenRequest(attempt: TokenAttempt): Promise<void> {
  const { node, attributes, server } = attempt;
  const request = attributes.object as TokenRequest;
  const ref = request.spec?.boundObjectRef;
  if (!ref || ref.apiVersion !== 'v1' || ref.kind !== 'Pod' || !ref.name)
    throw refuse(attributes, 'node requested token not bound to a pod');
  if (!ref.uid) throw refuse(attributes, 'node requested token with a pod binding without a uid');
  const pod: Pod = await server.store('', 'pods').get(attributes.namespace, ref.name);
  if (ref.uid !== pod.metadata?.uid)
    throw refuse(
      attributes,
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  if (pod.spec?.nodeName !== node)
    throw refuse(attributes, 'node requested token bound to a pod scheduled on a different node');
  await checkAudience(attempt, pod, request.spec?.audiences ?? []);
}

async function checkAudience(
  { attributes, ctx, server }: TokenAttempt,
  pod: Pod,
  audiences: readonly string[],
): Promise<void> {
  if (audiences.length > 1) throw refuse(attributes, 'node may only request 0 or 1 audiences');
  const audience = audiences[0] ?? '';
  if (await asksFor(pod, audience, server)) return;
  const decision = await server.authorize({
    user: ctx.user,
    verb: AUDIENCE_VERB,
    namespace: attributes.namespace,
    group: '',
    version: 'v1',
    resource: audience,
    subresource: '',
    name: attributes.name,
    isResourceRequest: true,
    path: '',
  });
  if (decision.allowed) return;
  throw refuse(attributes, `audience ${JSON.stringify(audience)} not found in pod spec volume`);
}

async function asksFor(pod: Pod, audience: string, server: ServerAccess): Promise<boolean> {
  const drivers = new Set<string>();
  for (const volume of pod.spec?.volumes ?? []) {
    for (const source of volume.projected?.sources ?? []) {
      const token = source.serviceAccountToken;
      if (token && (token.audience ?? '') === audience) return true;
    }
    if (volume.csi) drivers.add(volume.csi.driver);
    const claim =
      volume.persistentVolumeClaim?.claimName ??
      (volume.ephemeral ? `${pod.metadata?.name ?? ''}-${volume.name}` : undefined);
    const driver = claim && (await driverOf(pod.metadata?.namespace ?? '', claim, server));
    if (driver) drivers.add(driver);
  }
  for (const name of drivers) {
    const driver = await found<CSIDriver>(server, 'storage.k8s.io', 'csidrivers', '', name);
    if (driver?.spec.tokenRequests?.some((request) => request.audience === audience)) return true;
  }
  return false;
}

async function driverOf(
  namespace: string,
  name: string,
  server: ServerAccess,
): Promise<string | undefined> {
  const claim = await found<{ spec?: { volumeName?: string } }>(
    server,
    '',
    'persistentvolumeclaims',
    namespace,
    name,
  );
  const volumeName = claim?.spec?.volumeName;
  if (!volumeName) return undefined;
  const volume = await found<PersistentVolume>(server, '', 'persistentvolumes', '', volumeName);
  return volume?.spec?.csi?.driver;
}

async function found<T extends object>(
  server: ServerAccess,
  group: string,
  resource: string,
  namespace: string,
  name: string,
): Promise<T | undefined> {
  try {
    return (await server.store(group, resource).get(namespace, name)) as T;
  } catch (err) {
    if (isReason(err, 'NotFound')) return undefined;
    throw err;
  }
}
