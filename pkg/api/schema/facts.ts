/**
 * Facts of Kubernetes v1.35's API that the models of the client library leave out: list types and keys,
 * patch strategies, defaults, enums, which values are pointers, which strings are quantities; and which
 * definitions exist at all. The generator (`hack/generate.ts`) joins both into the schema.
 *
 * Only definitions that are named here, in `plain` or `facts`, become part of the schema; a field of the
 * models that v1.35 does not have stands in `NOT_IN_THIS_RELEASE`.
 *
 * The language: `field fact fact; field fact`. A field `.` is the definition itself.
 *   list=map:k1,k2 | set | atomic   x-kubernetes-list-type and its keys
 *   map=atomic                      x-kubernetes-map-type
 *   patch=merge,retainKeys:key      x-kubernetes-patch-strategy and -merge-key
 *   default=JSON                    the schema's default
 *   enum=Name                       one of `ENUMS`
 *   union=discriminator:f,g         x-kubernetes-unions
 *   quantity                        strings (its values, its items) are quantities
 *   ref=Name                        a definition of `OPAQUE`
 *   required, optional              where the models, of a later release, say otherwise
 *   add=Name                        a field that the models lack, of that definition
 * and what the types of Kubernetes make of a zero or an absent value on its way through the server. The
 * rule: structures are pointers; a zero of an optional field is dropped; an absent required one is filled.
 *   *       a pointer: what is sent is kept, what is absent stays absent
 *   value   a structure by value: always there
 *   fill    filled although it is optional
 *   omit    dropped when zero although it is required
 */
import * as access from './facts-access.js';
import * as cluster from './facts-cluster.js';
import { core } from './facts-core.js';
import { pods } from './facts-pods.js';
import * as workloads from './facts-workloads.js';

export interface PackageFacts {
  /** What the names of its definitions begin with: `io.k8s.api.core.v1`. */
  readonly package: string;
  /** Definitions about which there is nothing more to say, separated by blanks. */
  readonly plain?: string;
  readonly facts: Readonly<Record<string, string>>;
}

export const META_PACKAGE = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** In the order of precedence for a plain name in the TypeScript types. */
export const PACKAGES: readonly PackageFacts[] = [
  access.meta,
  pods,
  core,
  workloads.apps,
  workloads.batch,
  workloads.autoscalingV2,
  workloads.autoscalingV1,
  workloads.policy,
  workloads.scheduling,
  cluster.networking,
  cluster.discovery,
  cluster.storage,
  cluster.node,
  cluster.coordination,
  cluster.events,
  cluster.resource,
  access.rbac,
  access.authentication,
  access.authorization,
  access.certificates,
  access.admissionregistration,
  access.admissionregistrationBeta,
  access.flowcontrol,
  access.apiextensions,
  access.apiregistration,
  access.version,
];

/** The API group that a package's kinds belong to, where it is not the package's own name. */
export const GROUPS: Readonly<Record<string, string>> = {
  core: '',
  meta: '',
  pkg: '',
  networking: 'networking.k8s.io',
  discovery: 'discovery.k8s.io',
  storage: 'storage.k8s.io',
  node: 'node.k8s.io',
  coordination: 'coordination.k8s.io',
  events: 'events.k8s.io',
  resource: 'resource.k8s.io',
  scheduling: 'scheduling.k8s.io',
  authentication: 'authentication.k8s.io',
  authorization: 'authorization.k8s.io',
  rbac: 'rbac.authorization.k8s.io',
  certificates: 'certificates.k8s.io',
  admissionregistration: 'admissionregistration.k8s.io',
  flowcontrol: 'flowcontrol.apiserver.k8s.io',
  apiextensions: 'apiextensions.k8s.io',
  apiregistration: 'apiregistration.k8s.io',
};

/** Kinds that are not told by having apiVersion, kind and metadata. */
export const KINDS_WITHOUT_METADATA: readonly string[] = [
  'APIGroup',
  'APIGroupList',
  'APIResourceList',
  'APIVersions',
  'DeleteOptions',
  'WatchEvent',
];

/** Fields that came after v1.35. */
export const NOT_IN_THIS_RELEASE: Readonly<Record<string, readonly string[]>> = {
  'io.k8s.api.core.v1.PodSpec': ['schedulingGroup'],
  'io.k8s.api.core.v1.PodStatus': ['nodeAllocatableResourceClaimStatuses'],
  'io.k8s.api.core.v1.ResourceHealth': ['message'],
  'io.k8s.api.core.v1.VolumeMountStatus': ['volumeStatus'],
  'io.k8s.api.resource.v1.Device': ['nodeAllocatableResourceMappings'],
  'io.k8s.api.resource.v1.DeviceAttribute': ['bools', 'ints', 'strings', 'versions'],
  'io.k8s.api.storage.v1.CSIDriverSpec': ['preventPodSchedulingIfMissing'],
  [`${META_PACKAGE}.ListMeta`]: ['shardInfo'],
};

/** Definitions that have no fields of their own. */
export const OPAQUE: Readonly<
  Record<string, { type?: 'string' | 'object'; format?: string; description: string }>
> = {
  [`${META_PACKAGE}.Time`]: {
    type: 'string',
    format: 'date-time',
    description: 'A point in time, RFC 3339, with whole seconds.',
  },
  [`${META_PACKAGE}.MicroTime`]: {
    type: 'string',
    format: 'micro-time',
    description: 'A point in time, RFC 3339, with microseconds.',
  },
  [`${META_PACKAGE}.FieldsV1`]: {
    type: 'object',
    description:
      'A set of fields as a tree: `f:` a field, `k:` a list item by its keys, `v:` by its value.',
  },
  [`${META_PACKAGE}.Patch`]: { type: 'object', description: 'The body of a PATCH request.' },
  'io.k8s.apimachinery.pkg.api.resource.Quantity': {
    type: 'string',
    format: 'quantity',
    description: 'A fixed-point number with a suffix: 100m, 1.5, 2Gi, 3e6.',
  },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': {
    type: 'string',
    format: 'int-or-string',
    description: 'A number, or a string such as a name or a percentage.',
  },
  'io.k8s.apimachinery.pkg.runtime.RawExtension': {
    type: 'object',
    description: 'An object of any kind.',
  },
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON': {
    description: 'Any JSON value.',
  },
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool': {
    description: 'A JSON schema, or a boolean.',
  },
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray': {
    description: 'A JSON schema, or a list of JSON schemas.',
  },
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray': {
    description: 'A JSON schema, or a list of strings.',
  },
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceSubresourceStatus': {
    type: 'object',
    description: 'Says that the custom resource has a /status subresource.',
  },
};
