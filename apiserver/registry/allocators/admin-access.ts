/**
 * Access to devices that others use (`adminAccess`) is for namespaces that are labelled for it. Asked when a
 * claim or a template of claims wants it, and when a claim is given it.
 */
import type { DeviceRequest, ResourceClaim } from '../../../pkg/api/types.js';
import { forbidden, type Path, path } from '../../../pkg/apimachinery/field-error.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import { invalid } from '../../../pkg/apimachinery/status.js';
import type { RequestContext } from '../../server/request-context.js';
import type { Undo } from '../resource.js';

const LABEL = 'resource.kubernetes.io/admin-access';
/** Nothing is taken. */
const NOTHING: Undo = async () => undefined;

/** For a strategy's `begin`, with the requests that the object makes. */
export async function checkAdminRequests(
  kind: string,
  obj: KubeObject,
  requests: readonly DeviceRequest[] | undefined,
  ctx: RequestContext,
): Promise<Undo> {
  const at = path('spec', 'devices', 'requests');
  const index = (requests ?? []).findIndex(({ exactly }) => exactly?.adminAccess === true);
  if (index >= 0) await check(kind, obj, at.index(index).child('adminAccess'), ctx);
  return NOTHING;
}

/** For the `begin` of an update: what was given before is not asked about again. */
export async function checkAdminResults(
  claim: ResourceClaim,
  old: ResourceClaim | undefined,
  ctx: RequestContext,
): Promise<Undo> {
  const given = adminResult(claim);
  if (given >= 0 && (!old || adminResult(old) < 0)) {
    const at = path('status', 'allocation', 'devices', 'results').index(given);
    await check('ResourceClaim', claim, at.child('adminAccess'), ctx);
  }
  return NOTHING;
}

function adminResult({ status }: ResourceClaim): number {
  return (status?.allocation?.devices?.results ?? []).findIndex((one) => one.adminAccess === true);
}

async function check(kind: string, obj: KubeObject, at: Path, ctx: RequestContext): Promise<void> {
  const { namespace = '', name = '' } = obj.metadata ?? {};
  const { metadata } = await ctx.server.store('', 'namespaces').get('', namespace);
  if (metadata?.labels?.[LABEL] === 'true') return;
  const text = `admin access to devices requires the \`${LABEL}: true\` label on the containing namespace`;
  throw invalid({ group: 'resource.k8s.io', kind }, name, [forbidden(at, text)]);
}
