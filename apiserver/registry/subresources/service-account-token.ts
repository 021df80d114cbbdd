/**
 * `serviceaccounts/token`: a token for a ServiceAccount that ends, and that is good only while what it is
 * bound to exists (`k8s.io/kubernetes/pkg/registry/core/serviceaccount/storage/token.go`).
 */
import type { Pod, TokenRequest } from '../../../pkg/api/types.js';
import {
  type FieldError,
  invalid as invalidField,
  path,
} from '../../../pkg/apimachinery/field-error.js';
import { formatTime, type KubeObject, parseApiVersion } from '../../../pkg/apimachinery/meta.js';
import { conflict, failure, forbidden, invalid } from '../../../pkg/apimachinery/status.js';
import type { BoundObject, TokenSigner } from '../../authn/service-account-token.js';
import type { RequestContext } from '../../server/request-context.js';
import type { Subresource } from '../resource.js';

const DEFAULT_SECONDS = 3600;
const MIN_SECONDS = 10 * 60;
const MAX_SECONDS = 2 ** 32;

type Parent = { namespace: string; name: string };

export function serviceAccountToken(signer: TokenSigner): Subresource {
  return {
    name: 'token',
    kind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
    verbs: ['create'],
    create: (parent, body, ctx) => issue(signer, parent, body as TokenRequest, ctx),
  };
}

async function issue(
  signer: TokenSigner,
  parent: Parent,
  request: TokenRequest,
  ctx: RequestContext,
): Promise<KubeObject> {
  const account = await ctx.server.store('', 'serviceaccounts').get(parent.namespace, parent.name);
  const seconds = request.spec?.expirationSeconds ?? DEFAULT_SECONDS;
  const errors = validate(seconds);
  if (errors.length > 0) {
    throw invalid(
      { group: 'authentication.k8s.io', kind: 'TokenRequest' },
      request.metadata?.name ?? '',
      errors,
    );
  }
  const audiences = request.spec?.audiences?.length ? request.spec.audiences : signer.audiences;
  const { bound, node } = await boundTo(request, parent, ctx);
  const expires = Math.floor(ctx.clock.now() / 1000) + seconds;
  const token = await signer.sign({
    account: { ...parent, uid: account.metadata?.uid ?? '' },
    audiences,
    seconds,
    ...(bound ? { bound } : {}),
    ...(node ? { node } : {}),
  });
  return {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    metadata: {
      name: parent.name,
      namespace: parent.namespace,
      creationTimestamp: formatTime(new Date(ctx.clock.now())),
    },
    spec: {
      audiences: [...audiences],
      expirationSeconds: seconds,
      ...(request.spec?.boundObjectRef
        ? {
            boundObjectRef: {
              ...request.spec.boundObjectRef,
              ...(bound ? { uid: bound.uid } : {}),
            },
          }
        : { boundObjectRef: null }),
    },
    status: { token, expirationTimestamp: formatTime(new Date(expires * 1000)) },
  } as KubeObject;
}

function validate(seconds: number): FieldError[] {
  const at = path('spec', 'expirationSeconds');
  if (seconds < MIN_SECONDS)
    return [invalidField(at, seconds, 'may not specify a duration less than 10 minutes')];
  if (seconds > MAX_SECONDS)
    return [invalidField(at, seconds, 'may not specify a duration larger than 2^32 seconds')];
  return [];
}

async function boundTo(
  request: TokenRequest,
  { namespace, name }: Parent,
  ctx: RequestContext,
): Promise<{ bound?: BoundObject; node?: { name: string; uid?: string } }> {
  const ref = request.spec?.boundObjectRef;
  if (!ref) return {};
  const resource = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' }[ref.kind ?? ''];
  if (!resource || ref.apiVersion !== 'v1') {
    throw failure(
      400,
      'BadRequest',
      `cannot bind token to object of type ${typeText(ref.apiVersion ?? '', ref.kind ?? '')}`,
    );
  }
  const object = await ctx.server
    .store('', resource)
    .get(resource === 'nodes' ? '' : namespace, ref.name ?? '');
  const uid = object.metadata?.uid ?? '';
  if (ref.uid && ref.uid !== uid) {
    throw conflict(
      { group: '', resource },
      ref.name ?? '',
      `the UID in the bound object reference (${ref.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  }
  const bound: BoundObject = { kind: ref.kind as BoundObject['kind'], name: ref.name ?? '', uid };
  if (resource !== 'pods') return { bound };
  const { serviceAccountName, nodeName } = (object as Pod).spec ?? {};
  if (serviceAccountName !== name) {
    throw forbidden(
      { group: '', resource: 'serviceaccounts' },
      name,
      `cannot bind token for serviceaccount ${JSON.stringify(name)} to pod running with different serviceaccount name.`,
    );
  }
  if (!nodeName) return { bound };
  const nodeUid = ctx.server.store('', 'nodes').peek('', nodeName)?.metadata?.uid;
  return { bound, node: { name: nodeName, ...(nodeUid ? { uid: nodeUid } : {}) } };
}

/** `/v1, Kind=ConfigMap` */
function typeText(apiVersion: string, kind: string): string {
  const { group, version } = parseApiVersion(apiVersion);
  return `${group}/${version}, Kind=${kind}`;
}
