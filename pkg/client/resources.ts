/**
 * The resources that drydock's own components read and write, by the name that a Kubernetes engineer
 * would look for. A `ResourceRef` is all that a client needs to know about a resource; what discovery
 * finds at run time (garbage collector, namespace deletion) has the same shape.
 */
import { apiVersionOf, type GroupVersionResource } from '../apimachinery/meta.js';

export interface ResourceRef extends GroupVersionResource {
  readonly kind: string;
  readonly namespaced: boolean;
}

function define(
  group: string,
  version: string,
  resource: string,
  kind: string,
  scope: 'namespaced' | 'cluster' = 'namespaced',
): ResourceRef {
  return Object.freeze({ group, version, resource, kind, namespaced: scope === 'namespaced' });
}

export const PODS = define('', 'v1', 'pods', 'Pod');
export const POD_TEMPLATES = define('', 'v1', 'podtemplates', 'PodTemplate');
export const REPLICATION_CONTROLLERS = define(
  '',
  'v1',
  'replicationcontrollers',
  'ReplicationController',
);
export const SERVICES = define('', 'v1', 'services', 'Service');
export const ENDPOINTS = define('', 'v1', 'endpoints', 'Endpoints');
export const CONFIG_MAPS = define('', 'v1', 'configmaps', 'ConfigMap');
export const SECRETS = define('', 'v1', 'secrets', 'Secret');
export const SERVICE_ACCOUNTS = define('', 'v1', 'serviceaccounts', 'ServiceAccount');
export const RESOURCE_QUOTAS = define('', 'v1', 'resourcequotas', 'ResourceQuota');
export const LIMIT_RANGES = define('', 'v1', 'limitranges', 'LimitRange');
export const PERSISTENT_VOLUME_CLAIMS = define(
  '',
  'v1',
  'persistentvolumeclaims',
  'PersistentVolumeClaim',
);
export const PERSISTENT_VOLUMES = define(
  '',
  'v1',
  'persistentvolumes',
  'PersistentVolume',
  'cluster',
);
export const NODES = define('', 'v1', 'nodes', 'Node', 'cluster');
export const NAMESPACES = define('', 'v1', 'namespaces', 'Namespace', 'cluster');
export const CORE_EVENTS = define('', 'v1', 'events', 'Event');
export const EVENTS = define('events.k8s.io', 'v1', 'events', 'Event');

export const DEPLOYMENTS = define('apps', 'v1', 'deployments', 'Deployment');
export const REPLICA_SETS = define('apps', 'v1', 'replicasets', 'ReplicaSet');
export const STATEFUL_SETS = define('apps', 'v1', 'statefulsets', 'StatefulSet');
export const DAEMON_SETS = define('apps', 'v1', 'daemonsets', 'DaemonSet');
export const CONTROLLER_REVISIONS = define(
  'apps',
  'v1',
  'controllerrevisions',
  'ControllerRevision',
);

export const JOBS = define('batch', 'v1', 'jobs', 'Job');
export const CRON_JOBS = define('batch', 'v1', 'cronjobs', 'CronJob');
export const HORIZONTAL_POD_AUTOSCALERS = define(
  'autoscaling',
  'v2',
  'horizontalpodautoscalers',
  'HorizontalPodAutoscaler',
);
export const POD_DISRUPTION_BUDGETS = define(
  'policy',
  'v1',
  'poddisruptionbudgets',
  'PodDisruptionBudget',
);
export const LEASES = define('coordination.k8s.io', 'v1', 'leases', 'Lease');
export const ENDPOINT_SLICES = define('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice');
export const INGRESSES = define('networking.k8s.io', 'v1', 'ingresses', 'Ingress');
export const NETWORK_POLICIES = define(
  'networking.k8s.io',
  'v1',
  'networkpolicies',
  'NetworkPolicy',
);
export const PRIORITY_CLASSES = define(
  'scheduling.k8s.io',
  'v1',
  'priorityclasses',
  'PriorityClass',
  'cluster',
);
export const STORAGE_CLASSES = define(
  'storage.k8s.io',
  'v1',
  'storageclasses',
  'StorageClass',
  'cluster',
);
export const VOLUME_ATTACHMENTS = define(
  'storage.k8s.io',
  'v1',
  'volumeattachments',
  'VolumeAttachment',
  'cluster',
);
export const VOLUME_ATTRIBUTES_CLASSES = define(
  'storage.k8s.io',
  'v1',
  'volumeattributesclasses',
  'VolumeAttributesClass',
  'cluster',
);
export const CSI_NODES = define('storage.k8s.io', 'v1', 'csinodes', 'CSINode', 'cluster');
export const CSI_DRIVERS = define('storage.k8s.io', 'v1', 'csidrivers', 'CSIDriver', 'cluster');
export const CSI_STORAGE_CAPACITIES = define(
  'storage.k8s.io',
  'v1',
  'csistoragecapacities',
  'CSIStorageCapacity',
);
export const RESOURCE_CLAIMS = define('resource.k8s.io', 'v1', 'resourceclaims', 'ResourceClaim');
export const RESOURCE_CLAIM_TEMPLATES = define(
  'resource.k8s.io',
  'v1',
  'resourceclaimtemplates',
  'ResourceClaimTemplate',
);
export const RESOURCE_SLICES = define(
  'resource.k8s.io',
  'v1',
  'resourceslices',
  'ResourceSlice',
  'cluster',
);
export const DEVICE_CLASSES = define(
  'resource.k8s.io',
  'v1',
  'deviceclasses',
  'DeviceClass',
  'cluster',
);
export const RUNTIME_CLASSES = define(
  'node.k8s.io',
  'v1',
  'runtimeclasses',
  'RuntimeClass',
  'cluster',
);
export const CLUSTER_ROLES = define(
  'rbac.authorization.k8s.io',
  'v1',
  'clusterroles',
  'ClusterRole',
  'cluster',
);
export const CERTIFICATE_SIGNING_REQUESTS = define(
  'certificates.k8s.io',
  'v1',
  'certificatesigningrequests',
  'CertificateSigningRequest',
  'cluster',
);
export const TOKEN_REVIEWS = define(
  'authentication.k8s.io',
  'v1',
  'tokenreviews',
  'TokenReview',
  'cluster',
);
export const SUBJECT_ACCESS_REVIEWS = define(
  'authorization.k8s.io',
  'v1',
  'subjectaccessreviews',
  'SubjectAccessReview',
  'cluster',
);
export const CUSTOM_RESOURCE_DEFINITIONS = define(
  'apiextensions.k8s.io',
  'v1',
  'customresourcedefinitions',
  'CustomResourceDefinition',
  'cluster',
);

/** `/api/v1/namespaces/x/pods/y`, `/apis/apps/v1/deployments`; '' leaves a part out. */
export function resourcePath(
  ref: ResourceRef,
  namespace = '',
  name = '',
  subresource = '',
): string {
  let path = ref.group === '' ? `/api/${ref.version}` : `/apis/${ref.group}/${ref.version}`;
  if (ref.namespaced && namespace !== '') path += `/namespaces/${encodeURIComponent(namespace)}`;
  path += `/${ref.resource}`;
  if (name !== '') path += `/${encodeURIComponent(name)}`;
  if (subresource !== '') path += `/${subresource}`;
  return path;
}

/** `apps/v1` of a resource. */
export function apiVersion(ref: ResourceRef): string {
  return apiVersionOf(ref);
}
export const SERVICE_CIDRS = define(
  'networking.k8s.io',
  'v1',
  'servicecidrs',
  'ServiceCIDR',
  'cluster',
);
export const IP_ADDRESSES = define(
  'networking.k8s.io',
  'v1',
  'ipaddresses',
  'IPAddress',
  'cluster',
);
export const VALIDATING_ADMISSION_POLICIES = define(
  'admissionregistration.k8s.io',
  'v1',
  'validatingadmissionpolicies',
  'ValidatingAdmissionPolicy',
  'cluster',
);
