/**
 * What a kubelet may do (`system:node:NAME` in group `system:nodes`): its own Node, Lease and CSINode, and
 * the objects that pods bound to its node refer to. The rest of its rights is the role `system:node`, which
 * is asked here and bound to nobody. Whose Node it may change, the NodeRestriction plugin checks.
 *
 * The graph is walked backwards: from the object that is asked for to the node's pods, which the cache finds
 * by their `spec.nodeName`.
 */
import type { PersistentVolume, Pod, PolicyRule } from '../../pkg/api/types.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { isReason } from '../../pkg/apimachinery/status.js';
import type {
  AuthorizationAttributes,
  AuthorizationDecision,
  ServerAccess,
} from '../server/request-context.js';
import { type Authorizer, NO_OPINION } from './attributes.js';
import { NODE_RULES } from './bootstrap-policy/cluster-roles.js';
import { namesIn } from './pod-references.js';
import { ruleAllows } from './policy-rule.js';

const NODE_PREFIX = 'system:node:';
const NODES_GROUP = 'system:nodes';

/** The node that a user is, if it is one. */
export function nodeNameOf(user: { name: string; groups: readonly string[] }): string | undefined {
  return user.name.startsWith(NODE_PREFIX) && user.groups.includes(NODES_GROUP)
    ? user.name.slice(NODE_PREFIX.length)
    : undefined;
}

/** The pods of a node, from memory. */
export type PodsOfNode = (node: string) => Iterable<Pod>;

export class NodeAuthorizer implements Authorizer {
  private readonly rules: readonly PolicyRule[] = NODE_RULES;

  constructor(
    private readonly server: ServerAccess,
    private readonly podsOf: PodsOfNode,
  ) {}

  authorize(
    attributes: AuthorizationAttributes,
  ): AuthorizationDecision | Promise<AuthorizationDecision> {
    const { user } = attributes;
    const node = nodeNameOf(user);
    if (node === undefined) return NO_OPINION;
    if (node === '') return refused(`unknown node for user ${JSON.stringify(user.name)}`);
    if (attributes.isResourceRequest) {
      switch (`${attributes.resource}.${attributes.group}`) {
        case 'secrets.':
        case 'configmaps.':
          return this.readable(node, attributes);
        case 'persistentvolumeclaims.':
          return attributes.subresource === 'status'
            ? this.reportable(node, attributes)
            : this.gettable(node, attributes);
        case 'persistentvolumes.':
        case 'volumeattachments.storage.k8s.io':
        case 'resourceclaims.resource.k8s.io':
          return this.gettable(node, attributes);
        case 'serviceaccounts.':
          return this.account(node, attributes);
        case 'resourceslices.resource.k8s.io':
          return this.slice(node, attributes);
        case 'leases.coordination.k8s.io':
          return own(node, attributes, LEASES);
        case 'csinodes.storage.k8s.io':
          return own(node, attributes, CSI_NODES);
        case 'pods.':
          return this.pod(node, attributes);
        case 'nodes.':
          return this.node(node, attributes);
      }
    }
    return this.rules.some((rule) => ruleAllows(rule, attributes)) ? { allowed: true } : NO_OPINION;
  }

  /** One object, which a kubelet may also follow. */
  private readable(node: string, attributes: AuthorizationAttributes) {
    if (!READS.has(attributes.verb)) return refused('can only read resources of this type');
    if (attributes.subresource !== '') return refused('cannot read subresource');
    if (attributes.namespace === '') {
      return refused('can only read namespaced object of this type');
    }
    return this.related(node, attributes);
  }

  private gettable(node: string, attributes: AuthorizationAttributes) {
    if (attributes.verb !== 'get') {
      return refused('can only get individual resources of this type');
    }
    if (attributes.subresource !== '') return refused('cannot get subresource');
    return this.related(node, attributes);
  }

  private reportable(node: string, attributes: AuthorizationAttributes) {
    return attributes.verb === 'update' || attributes.verb === 'patch'
      ? this.related(node, attributes)
      : refused('can only get/update/patch this type');
  }

  /** The accounts of its pods: to read them, and tokens of them. */
  private account(node: string, attributes: AuthorizationAttributes) {
    const { verb, name, subresource } = attributes;
    if (verb === 'get' && subresource === '') return this.related(node, attributes);
    if (verb !== 'create' || name === '') {
      return refused('can only create tokens for individual service accounts');
    }
    if (subresource !== 'token') {
      return refused('can only create token subresource of serviceaccount');
    }
    return this.related(node, attributes);
  }

  private async related(
    node: string,
    attributes: AuthorizationAttributes,
  ): Promise<AuthorizationDecision> {
    if (attributes.name === '') return refused('No Object name found');
    return (await this.isRelated(node, attributes)) ? { allowed: true } : unrelated(node);
  }

  private async isRelated(node: string, attributes: AuthorizationAttributes): Promise<boolean> {
    const { resource, namespace, name } = attributes;
    if (resource === 'volumeattachments') {
      const found: OnNode | undefined = await this.find('storage.k8s.io', resource, name);
      return found?.spec?.nodeName === node;
    }
    if (resource === 'persistentvolumes') {
      const volume: PersistentVolume | undefined = await this.find('', resource, name);
      const claim = volume?.spec?.claimRef;
      return (
        claim?.name !== undefined &&
        this.podsRefer(node, claim.namespace ?? '', 'persistentvolumeclaims', claim.name)
      );
    }
    return this.podsRefer(node, namespace, resource, name);
  }

  /** A cache that nobody asked before is filled first. */
  private async find(
    group: string,
    resource: string,
    name: string,
  ): Promise<KubeObject | undefined> {
    const store = this.server.store(group, resource);
    try {
      return store.peek('', name) ?? (await store.get('', name));
    } catch (err) {
      if (isReason(err, 'NotFound')) return undefined;
      throw err;
    }
  }

  private podsRefer(node: string, namespace: string, resource: string, name: string): boolean {
    for (const pod of this.podsOf(node)) {
      if (pod.metadata?.namespace === namespace && namesIn(pod, resource).has(name)) return true;
    }
    return false;
  }

  /** Reads of pods: those that run here, one by one or by a selector; what else is in the role. */
  private pod(node: string, attributes: AuthorizationAttributes): AuthorizationDecision {
    const { verb, subresource, name, namespace, fieldSelector } = attributes;
    if (!this.rules.some((rule) => ruleAllows(rule, attributes))) return NO_OPINION;
    if (subresource !== '' || !READS.has(verb)) return { allowed: true };
    if (verb !== 'get' && selects(fieldSelector, 'spec.nodeName', node)) return { allowed: true };
    if (name === '')
      return {
        allowed: false,
        reason: 'can only list/watch pods with spec.nodeName field selector',
      };
    for (const pod of this.podsOf(node)) {
      if (pod.metadata?.name === name && pod.metadata.namespace === namespace)
        return { allowed: true };
    }
    return unrelated(node);
  }

  /** Its own ones. Whose a new one is stands in its body, which NodeRestriction reads. */
  private async slice(
    node: string,
    attributes: AuthorizationAttributes,
  ): Promise<AuthorizationDecision> {
    const { verb, subresource, name, fieldSelector } = attributes;
    if (subresource !== '')
      return { allowed: false, reason: 'cannot authorize ResourceSlice subresources' };
    if (verb === 'create') return { allowed: true };
    if (['list', 'watch', 'deletecollection'].includes(verb)) {
      if (selects(fieldSelector, 'spec.nodeName', node)) return { allowed: true };
      return {
        allowed: false,
        reason: 'can only list/watch/deletecollection resourceslices with nodeName field selector',
      };
    }
    const found: OnNode | undefined = await this.find('resource.k8s.io', 'resourceslices', name);
    if (found?.spec?.nodeName === node) return { allowed: true };
    return unrelated(node);
  }

  /** By name alone, so that a kubelet may look for its Node before it makes it. */
  private node(node: string, attributes: AuthorizationAttributes): AuthorizationDecision {
    const { verb, subresource, name } = attributes;
    if (!this.rules.some((rule) => ruleAllows(rule, attributes))) return NO_OPINION;
    if (subresource !== '' || !READS.has(verb) || name === node) return { allowed: true };
    const what = name === '' ? 'all nodes' : `'${name}'`;
    return {
      allowed: false,
      reason: `node '${node}' cannot read ${what}, only its own Node object`,
    };
  }
}

interface OnNode extends KubeObject {
  readonly spec?: { readonly nodeName?: string };
}

const READS = new Set(['get', 'list', 'watch']);

/** Whether one of the selector's demands is that `field` is `value`. */
function selects(selector: string | undefined, field: string, value: string): boolean {
  return (selector ?? '').split(',').some((demand) => {
    const [key, wanted] = demand.split(/={1,2}/);
    return key === field && wanted === value;
  });
}

interface OwnKind {
  readonly namespace: string;
  readonly one: string;
  readonly kind: string;
}

const LEASES: OwnKind = { namespace: 'kube-node-lease', one: 'a node lease', kind: 'node lease' };
const CSI_NODES: OwnKind = { namespace: '', one: 'a CSINode', kind: 'CSINode' };

function own(
  node: string,
  { verb, name, namespace, subresource }: AuthorizationAttributes,
  kind: OwnKind,
): AuthorizationDecision {
  if (!['get', 'create', 'update', 'patch', 'delete'].includes(verb)) {
    return refused(`can only get, create, update, patch, or delete ${kind.one}`);
  }
  if (subresource !== '') return refused(`cannot authorize ${kind.kind} subresources`);
  if (namespace !== kind.namespace) {
    return refused(
      `can only access leases in the ${JSON.stringify(kind.namespace)} system namespace`,
    );
  }
  // The name of a create stands in its body; NodeRestriction checks it there.
  if (verb !== 'create' && name !== node) {
    return refused(`can only access ${kind.kind} with the same name as the requesting node`);
  }
  return { allowed: true };
}

function unrelated(node: string): AuthorizationDecision {
  return refused(`no relationship found between node '${node}' and this object`);
}

function refused(reason: string): AuthorizationDecision {
  return { allowed: false, reason };
}
