/**
 * NodeRestriction: what a kubelet may write of what the authorizer lets it write at all. Its own Node (but
 * not its taints, owners and the labels that steer workloads), its Lease and CSINode, mirror pods, the
 * status of pods that run on it, and tokens for those pods (`plugin/pkg/admission/noderestriction`).
 */
import type {
  Lease,
  Node,
  PersistentVolumeClaim,
  Pod,
  ResourceSlice,
} from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import { nodeNameOf } from '../../authz/node-authorizer.js';
import { referencesOf } from '../../authz/pod-references.js';
import type { RequestContext, ServerAccess } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import { checkTokenRequest } from '../node-tokens.js';
import { refuse } from '../refuse.js';

const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';
const LEASE_NAMESPACE = 'kube-node-lease';
const RESTRICTED = 'node-restriction.kubernetes.io';
/** Labels of kubernetes.io and k8s.io that a kubelet sets (`k8s.io/kubelet/pkg/apis`). */
const KUBELET_LABELS = new Set([
  'kubernetes.io/hostname',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
  'node.kubernetes.io/instance-type',
  'beta.kubernetes.io/instance-type',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
]);
const KUBELET_LABEL_NAMESPACES = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const RESTRICTED_RESOURCES = new Set([
  'pods.',
  'nodes.',
  'persistentvolumeclaims.',
  'serviceaccounts.',
  'leases.coordination.k8s.io',
  'csinodes.storage.k8s.io',
  'resourceslices.resource.k8s.io',
]);

export const nodeRestriction: AdmissionPluginFactory = {
  name: 'NodeRestriction',
  create: (server) => ({
    name: 'NodeRestriction',
    handles: (operation, group, resource) =>
      operation !== 'CONNECT' && RESTRICTED_RESOURCES.has(`${resource}.${group}`),
    async admit(attributes, ctx) {
      const node = nodeNameOf(ctx.user);
      if (node === undefined) return;
      if (node === '')
        throw refuse(
          attributes,
          `could not determine node from user ${JSON.stringify(ctx.user.name)}`,
        );
      await restrict({ node, attributes, ctx, server });
    },
  }),
};

interface Attempt {
  readonly node: string;
  readonly attributes: AdmissionAttributes;
  readonly ctx: RequestContext;
  readonly server: ServerAccess;
}

function restrict(attempt: Attempt): Promise<void> | void {
  const { node, attributes } = attempt;
  const { operation, resource, subresource } = attributes;
  switch (resource) {
    case 'pods':
      return restrictPod(attempt);
    case 'nodes':
      return restrictNode(node, attributes);
    case 'persistentvolumeclaims':
      if (subresource !== 'status') throw refuse(attributes, 'may only update PVC status');
      return restrictClaimStatus(node, attributes);
    case 'serviceaccounts':
      return operation === 'CREATE' && subresource === 'token'
        ? checkTokenRequest(attempt)
        : undefined;
    case 'leases':
      return restrictLease(node, attributes);
    case 'csinodes':
      if (nameOf(attributes) !== node)
        throw refuse(
          attributes,
          'can only access CSINode with the same name as the requesting node',
        );
      return;
    case 'resourceslices':
      return restrictSlice(node, attributes);
  }
}

function restrictPod(attempt: Attempt): Promise<void> | void {
  const { node, attributes } = attempt;
  const { operation, subresource } = attributes;
  const who = `node ${JSON.stringify(node)}`;
  switch (subresource) {
    case '':
      if (operation === 'CREATE') return restrictMirrorPod(attempt, who);
      if (operation === 'DELETE')
        return ownPod(attempt, `${who} can only delete pods with spec.nodeName set to itself`);
      throw refuse(
        attributes,
        `unexpected operation ${JSON.stringify(operation)}, ${who} can only create and delete mirror pods`,
      );
    case 'status':
      return restrictPodStatus(node, attributes, who);
    case 'eviction':
      return ownPod(attempt, `node ${node} can only evict pods with spec.nodeName set to itself`);
    default:
      throw refuse(
        attributes,
        `unexpected pod subresource ${JSON.stringify(subresource)}, only 'status' and 'eviction' are allowed`,
      );
  }
}

async function ownPod({ node, attributes, server }: Attempt, why: string): Promise<void> {
  const pod: Pod = await server.store('', 'pods').get(attributes.namespace, attributes.name);
  if (pod.spec?.nodeName !== node) throw refuse(attributes, why);
}

/** A mirror pod shows what the node runs by itself, and so may refer to nothing of the API. */
async function restrictMirrorPod(attempt: Attempt, who: string): Promise<void> {
  const { node, attributes, server } = attempt;
  const pod = attributes.object as Pod;
  const deny = (why: string) => refuse(attributes, why);
  if (pod.metadata?.annotations?.[MIRROR_ANNOTATION] === undefined)
    throw deny(
      `pod does not have ${JSON.stringify(MIRROR_ANNOTATION)} annotation, ${who} can only create mirror pods`,
    );
  if (pod.spec?.nodeName !== node)
    throw deny(`${who} can only create pods with spec.nodeName set to itself`);
  const owners = pod.metadata.ownerReferences ?? [];
  const [owner] = owners;
  if (owners.length > 1)
    throw deny(`${who} can only create pods with a single owner reference set to itself`);
  if (!owner || owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node)
    throw deny(`${who} can only create pods with an owner reference set to itself`);
  if (!owner.controller)
    throw deny(`${who} can only create pods with a controller owner reference set to itself`);
  if (owner.blockOwnerDeletion)
    throw deny(`${who} must not set blockOwnerDeletion on an owner reference`);
  const { metadata } = await server.store('', 'nodes').get('', node);
  if (owner.uid !== metadata?.uid)
    throw deny(`node ${node} UID mismatch: expected ${owner.uid} got ${metadata?.uid}`);
  if (pod.spec.serviceAccountName)
    throw deny(`${who} can not create pods that reference a service account`);
  const references = referencesOf(pod);
  for (const resource of ['secrets', 'configmaps'] as const)
    if (references[resource].size > 0)
      throw deny(`${who} can not create pods that reference ${resource}`);
  if (
    pod.spec.volumes?.some((volume) =>
      volume.projected?.sources?.some((source) => source.clusterTrustBundle),
    )
  )
    throw deny(`${who} can not create pods that reference clustertrustbundles`);
  if (pod.spec.volumes?.some((volume) => volume.persistentVolumeClaim))
    throw deny(`${who} can not create pods that reference persistentvolumeclaims`);
  if (pod.spec.resourceClaims?.length)
    throw deny(`${who} can not create pods that reference resourceclaims`);
}

function restrictPodStatus(node: string, attributes: AdmissionAttributes, who: string): void {
  if (attributes.operation !== 'UPDATE')
    throw refuse(attributes, `unexpected operation ${JSON.stringify(attributes.operation)}`);
  const pod = attributes.object as Pod;
  const old = attributes.oldObject as Pod;
  if (old.spec?.nodeName !== node)
    throw refuse(
      attributes,
      `${who} can only update pod status for pods with spec.nodeName set to itself`,
    );
  if (!semanticDeepEqual(old.metadata?.labels ?? {}, pod.metadata?.labels ?? {}))
    throw refuse(attributes, `${who} cannot update labels through pod status`);
  const claims = (of: Pod) => of.status?.resourceClaimStatuses ?? [];
  if (!semanticDeepEqual(claims(old), claims(pod)))
    throw refuse(attributes, `${who} cannot update resource claim statues`);
}

function restrictNode(node: string, attributes: AdmissionAttributes): void {
  const who = `node ${JSON.stringify(node)}`;
  const name = nameOf(attributes);
  if (name !== node)
    throw refuse(attributes, `${who} is not allowed to modify node ${JSON.stringify(name)}`);
  if (attributes.operation === 'DELETE') return;
  const now = attributes.object as Node;
  const old = attributes.oldObject as Node | undefined;
  if (!old) {
    const labels = forbiddenLabels(now, undefined);
    if (labels.length > 0)
      throw refuse(
        attributes,
        `${who} is not allowed to set the following labels: ${labels.join(', ')}`,
      );
    return;
  }
  if (!semanticDeepEqual(now.spec?.taints ?? [], old.spec?.taints ?? []))
    throw refuse(attributes, `${who} is not allowed to modify taints`);
  const labels = forbiddenLabels(now, old);
  if (labels.length > 0)
    throw refuse(attributes, `is not allowed to modify labels: ${labels.join(', ')}`);
  // Whose owner does not exist is collected as garbage: a node could so have itself made anew without taints.
  const owners = (of: Node) => of.metadata?.ownerReferences ?? [];
  if (!semanticDeepEqual(owners(now), owners(old)))
    throw refuse(attributes, `${who} is not allowed to modify ownerReferences`);
}

/** Labels that were added, changed or taken away and that only an administrator may. */
function forbiddenLabels(now: Node, old: Node | undefined): string[] {
  const after = now.metadata?.labels ?? {};
  const before = old?.metadata?.labels ?? {};
  return [...new Set([...Object.keys(after), ...Object.keys(before)])]
    .filter((key) => after[key] !== before[key])
    .filter((key) => {
      const slash = key.indexOf('/');
      const namespace = slash < 0 ? '' : key.slice(0, slash);
      if (within(namespace, RESTRICTED)) return true;
      const reserved = within(namespace, 'kubernetes.io') || within(namespace, 'k8s.io');
      return (
        reserved &&
        !KUBELET_LABELS.has(key) &&
        !KUBELET_LABEL_NAMESPACES.some((allowed) => within(namespace, allowed))
      );
    })
    .sort();
}

function within(namespace: string, domain: string): boolean {
  return namespace === domain || namespace.endsWith(`.${domain}`);
}

function restrictClaimStatus(node: string, attributes: AdmissionAttributes): void {
  if (attributes.operation !== 'UPDATE')
    throw refuse(attributes, `unexpected operation ${JSON.stringify(attributes.operation)}`);
  const rest = (obj: KubeObject | undefined) => {
    const { metadata = {}, spec, status = {} } = (obj ?? {}) as PersistentVolumeClaim;
    const { resourceVersion: _version, managedFields: _fields, ...meta } = metadata;
    const {
      capacity: _capacity,
      conditions: _conditions,
      allocatedResources: _allocated,
      allocatedResourceStatuses: _statuses,
      ...others
    } = status;
    return { meta, spec, others };
  };
  if (!semanticDeepEqual(rest(attributes.oldObject), rest(attributes.object)))
    throw refuse(
      attributes,
      `node ${JSON.stringify(node)} is not allowed to update fields other than status.capacity and status.conditions`,
    );
}

function restrictLease(node: string, attributes: AdmissionAttributes): void {
  if (attributes.namespace !== LEASE_NAMESPACE)
    throw refuse(
      attributes,
      `can only access leases in the ${JSON.stringify(LEASE_NAMESPACE)} system namespace`,
    );
  const lease: Lease = attributes.object ?? {};
  const name = attributes.operation === 'CREATE' ? lease.metadata?.name : attributes.name;
  if (name !== node)
    throw refuse(
      attributes,
      'can only access node lease with the same name as the requesting node',
    );
}

function restrictSlice(node: string, attributes: AdmissionAttributes): void {
  if (attributes.operation !== 'CREATE') return;
  const { spec } = attributes.object as ResourceSlice;
  if (spec.nodeName !== node)
    throw refuse(
      attributes,
      'can only create ResourceSlice with the same NodeName as the requesting node',
    );
}

/** The name of a create stands in its body. */
function nameOf({ operation, name, object }: AdmissionAttributes): string {
  return operation === 'CREATE' ? (object?.metadata?.name ?? '') : name;
}
