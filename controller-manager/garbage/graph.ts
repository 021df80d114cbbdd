/**
 * Who owns whom, over all resources (`pkg/controller/garbagecollector/graph_builder.go`). Nodes are objects
 * by uid; edges are owner references. Changes are applied as they are seen and never wait; what may have to
 * be deleted or orphaned after a change is handed to `suspect` and `orphan`.
 *
 * A reference to an owner that was not seen makes a VIRTUAL node, which is checked against the server: it
 * becomes real when a watch shows it, or is taken out as absent, and then its dependents are suspects.
 */
import type { KubeObject, OwnerReference } from '../../pkg/apimachinery/meta.js';
import { parseApiVersion } from '../../pkg/apimachinery/meta.js';
import type { ResourceRef } from '../../pkg/client/resources.js';

export const FINALIZER_FOREGROUND = 'foregroundDeletion';
export const FINALIZER_ORPHAN = 'orphan';

/** Where an object is; what an owner reference says of its owner, completed by the dependent's namespace. */
export interface Identity {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface Node {
  identity: Identity;
  owners: readonly OwnerReference[];
  readonly dependents: Set<Node>;
  beingDeleted: boolean;
  /** Foreground deletion: it waits for its dependents. */
  deletingDependents: boolean;
  /** Made from a reference; never seen by a watch. */
  virtual: boolean;
}

export interface GraphListener {
  /** This node, by uid, may have to be deleted. */
  suspect(uid: string): void;
  /** The owner's dependents are to be let go. */
  orphan(uid: string): void;
}

/** Owners known to be gone, so that many dependents do not each ask the server. */
const ABSENT_LIMIT = 500;

export class OwnerGraph {
  private readonly nodes = new Map<string, Node>();
  private readonly absent = new Map<string, string>();

  constructor(private readonly listener: GraphListener) {}

  get size(): number {
    return this.nodes.size;
  }

  get(uid: string): Node | undefined {
    return this.nodes.get(uid);
  }

  /** Owners that were only heard of: uids of the nodes that no watch has shown yet. */
  *unseen(): IterableIterator<string> {
    for (const [uid, node] of this.nodes) if (node.virtual) yield uid;
  }

  isAbsent(uid: string, namespace: string): boolean {
    return this.absent.get(uid) === namespace || this.absent.get(uid) === '';
  }

  noteAbsent(uid: string, namespace: string): void {
    this.absent.delete(uid);
    this.absent.set(uid, namespace);
    if (this.absent.size <= ABSENT_LIMIT) return;
    const [oldest] = this.absent.keys();
    if (oldest !== undefined) this.absent.delete(oldest);
  }

  /** An object as a watch shows it, for the first time or changed. */
  observe(ref: ResourceRef, obj: KubeObject): void {
    const meta = obj.metadata ?? {};
    const uid = meta.uid ?? '';
    const owners = slim(meta.ownerReferences);
    const deleting = meta.deletionTimestamp !== undefined;
    const waits = deleting && meta.finalizers?.includes(FINALIZER_FOREGROUND) === true;
    const orphans = deleting && meta.finalizers?.includes(FINALIZER_ORPHAN) === true;
    let node = this.nodes.get(uid);
    const wasWaiting = node?.deletingDependents ?? false;
    const identity: Identity = {
      group: ref.group,
      version: ref.version,
      kind: ref.kind,
      namespace: meta.namespace ?? '',
      name: meta.name ?? '',
      uid,
    };
    if (!node) {
      node = {
        identity,
        owners,
        dependents: new Set(),
        beingDeleted: deleting,
        deletingDependents: false,
        virtual: false,
      };
      this.nodes.set(uid, node);
      this.link(node, owners);
    } else {
      if (node.virtual) {
        // Dependents that described it otherwise (another namespace or name) do not really have this owner.
        if (!sameCoordinates(node.identity, identity))
          for (const d of node.dependents) this.listener.suspect(d.identity.uid);
        node.identity = identity;
        node.virtual = false;
      }
      this.changeOwners(node, owners);
      node.beingDeleted = deleting;
    }
    if (orphans) this.listener.orphan(uid);
    if (waits && !wasWaiting) {
      node.deletingDependents = true;
      for (const dependent of node.dependents) this.listener.suspect(dependent.identity.uid);
      this.listener.suspect(uid);
    }
  }

  /** An object that a watch shows deleted, or that the server does not have. */
  remove(uid: string): void {
    const node = this.nodes.get(uid);
    if (!node) return;
    this.nodes.delete(uid);
    for (const ref of node.owners) this.nodes.get(ref.uid)?.dependents.delete(node);
    if (node.dependents.size > 0) this.noteAbsent(uid, node.identity.namespace);
    for (const dependent of node.dependents) this.listener.suspect(dependent.identity.uid);
    for (const ref of node.owners) {
      const owner = this.nodes.get(ref.uid);
      if (owner?.deletingDependents) this.listener.suspect(ref.uid);
    }
  }

  /** Dependents whose reference to this owner holds up its foreground deletion. */
  blockingDependents(node: Node): Node[] {
    return [...node.dependents].filter((dependent) =>
      dependent.owners.some(
        (ref) => ref.uid === node.identity.uid && ref.blockOwnerDeletion === true,
      ),
    );
  }

  private changeOwners(node: Node, owners: readonly OwnerReference[]): void {
    const before = new Map(node.owners.map((ref) => [ref.uid, ref]));
    const after = new Map(owners.map((ref) => [ref.uid, ref]));
    const added = owners.filter((ref) => !before.has(ref.uid));
    const removed = node.owners.filter((ref) => !after.has(ref.uid));
    node.owners = owners;
    for (const ref of removed) {
      this.nodes.get(ref.uid)?.dependents.delete(node);
      // One fewer to wait for.
      if (ref.blockOwnerDeletion) this.listener.suspect(ref.uid);
    }
    for (const ref of owners) {
      const old = before.get(ref.uid);
      if (old?.blockOwnerDeletion && !ref.blockOwnerDeletion) this.listener.suspect(ref.uid);
    }
    this.link(node, added);
  }

  private link(node: Node, owners: readonly OwnerReference[]): void {
    for (const ref of owners) {
      const owner = this.nodes.get(ref.uid);
      if (owner) {
        owner.dependents.add(node);
        const claimed = identityOf(ref, node.identity.namespace);
        if (!owner.virtual && !isTheOwner(owner.identity, claimed))
          this.listener.suspect(node.identity.uid);
        // It joins an owner that is already waiting for its dependents to go.
        if (owner.deletingDependents) this.listener.suspect(node.identity.uid);
        continue;
      }
      const virtual: Node = {
        identity: identityOf(ref, node.identity.namespace),
        owners: [],
        dependents: new Set([node]),
        beingDeleted: false,
        deletingDependents: false,
        virtual: true,
      };
      this.nodes.set(ref.uid, virtual);
      this.listener.suspect(ref.uid);
    }
  }
}

export function identityOf(ref: OwnerReference, namespace: string): Identity {
  const { group, version } = parseApiVersion(ref.apiVersion);
  return { group, version, kind: ref.kind, namespace, name: ref.name, uid: ref.uid };
}

/** A cluster-scoped owner may own anything, a namespaced one only what shares its namespace. */
function isTheOwner(owner: Identity, claimed: Identity): boolean {
  const near = owner.namespace === '' || owner.namespace === claimed.namespace;
  return (
    near &&
    owner.name === claimed.name &&
    owner.kind === claimed.kind &&
    owner.group === claimed.group
  );
}

function sameCoordinates(a: Identity, b: Identity): boolean {
  return isTheOwner(b, a);
}

/** Only what the graph reads, in an array of its own: the rest of the object can be let go. */
function slim(refs: readonly OwnerReference[] | undefined): readonly OwnerReference[] {
  if (!refs?.length) return NONE;
  return refs.map(({ apiVersion, kind, name, uid, blockOwnerDeletion }) => ({
    apiVersion,
    kind,
    name,
    uid,
    ...(blockOwnerDeletion ? { blockOwnerDeletion } : {}),
  }));
}

const NONE: readonly OwnerReference[] = Object.freeze([]);
