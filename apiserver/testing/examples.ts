/**
 * The smallest object of every kind that the API takes: what stands beside `metadata`. A resource without
 * a row here fails the shared suite, so that a new one gets its row.
 */
const SELECTOR = { matchLabels: { app: 'example' } };
const CONTAINERS = [{ name: 'c', image: 'nginx' }];
const TEMPLATE = { metadata: { labels: { app: 'example' } }, spec: { containers: CONTAINERS } };
const ONCE = { template: { spec: { containers: CONTAINERS, restartPolicy: 'Never' } } };
const RULES = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
const WEBHOOK = {
  name: 'hook.example.com',
  clientConfig: { url: 'https://hook.example.com/' },
  admissionReviewVersions: ['v1'],
  sideEffects: 'None',
  rules: [{ apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], operations: ['CREATE'] }],
};
/** A certificate request that openssl made for CN=example. */
export const CSR = [
  '-----BEGIN CERTIFICATE REQUEST-----',
  'MIHNMHQCAQAwEjEQMA4GA1UEAwwHZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49',
  'AwEHA0IABEzh5ewXvFA21csQ5ASKzT00Gf879bj2xh/fly96/8OgUi/Gjlno2bBw',
  'k4ZmiZuxuGukpBVLCuoPN3i1AIx4nPWgADAKBggqhkjOPQQDAgNJADBGAiEAlPeS',
  'NZCPZxtjZRMQjHJ3LslrPe1ZG0F8bHgcNsbhsvkCIQDRg/uGEd0K7kvL+rQ8XOUP',
  'gXOUK66/B+fuk9Ewb87OTw==',
  '-----END CERTIFICATE REQUEST-----',
].join('\n');

/** By `resource.group`; `name` where `example` is no name of the kind. */
export const EXAMPLES: Readonly<
  Record<string, { readonly name?: string; readonly [field: string]: unknown }>
> = {
  configmaps: { data: { a: '1' } },
  endpoints: { subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 80 }] }] },
  events: {
    involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
    reason: 'Tested',
    message: 'm',
    type: 'Normal',
  },
  limitranges: { spec: { limits: [{ type: 'Container', default: { cpu: '1' } }] } },
  namespaces: {},
  nodes: {},
  persistentvolumes: {
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      hostPath: { path: '/tmp/x' },
    },
  },
  persistentvolumeclaims: {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  },
  pods: { spec: { containers: CONTAINERS } },
  podtemplates: { template: TEMPLATE },
  replicationcontrollers: {
    spec: { replicas: 1, selector: { app: 'example' }, template: TEMPLATE },
  },
  resourcequotas: { spec: { hard: { pods: '5' } } },
  secrets: { stringData: { a: 'b' } },
  services: { spec: { selector: { app: 'example' }, ports: [{ port: 80 }] } },
  serviceaccounts: {},
  'controllerrevisions.apps': { revision: 1, data: { any: 'thing' } },
  'daemonsets.apps': { spec: { selector: SELECTOR, template: TEMPLATE } },
  'deployments.apps': { spec: { selector: SELECTOR, template: TEMPLATE } },
  'replicasets.apps': { spec: { selector: SELECTOR, template: TEMPLATE } },
  'statefulsets.apps': { spec: { selector: SELECTOR, serviceName: 'example', template: TEMPLATE } },
  'cronjobs.batch': { spec: { schedule: '*/5 * * * *', jobTemplate: { spec: ONCE } } },
  'jobs.batch': { spec: ONCE },
  'horizontalpodautoscalers.autoscaling': {
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' },
      maxReplicas: 3,
    },
  },
  'poddisruptionbudgets.policy': { spec: { minAvailable: 1, selector: SELECTOR } },
  'priorityclasses.scheduling.k8s.io': { value: 10 },
  'runtimeclasses.node.k8s.io': { handler: 'simulated' },
  'ingresses.networking.k8s.io': {
    spec: { defaultBackend: { service: { name: 's', port: { number: 80 } } } },
  },
  'ingressclasses.networking.k8s.io': { spec: { controller: 'example.com/ingress' } },
  'ipaddresses.networking.k8s.io': {
    name: '10.0.0.9',
    spec: { parentRef: { resource: 'services', name: 's', namespace: 'default' } },
  },
  'networkpolicies.networking.k8s.io': { spec: { podSelector: {} } },
  'servicecidrs.networking.k8s.io': { spec: { cidrs: ['10.99.0.0/16'] } },
  'csidrivers.storage.k8s.io': { spec: {} },
  'csinodes.storage.k8s.io': { spec: { drivers: [] } },
  'csistoragecapacities.storage.k8s.io': { storageClassName: 'fast' },
  'storageclasses.storage.k8s.io': { provisioner: 'example.com/disk' },
  'volumeattachments.storage.k8s.io': {
    spec: { attacher: 'example.com', nodeName: 'n', source: { persistentVolumeName: 'pv' } },
  },
  'volumeattributesclasses.storage.k8s.io': { driverName: 'example.com', parameters: { a: 'b' } },
  'clusterroles.rbac.authorization.k8s.io': { rules: RULES },
  'clusterrolebindings.rbac.authorization.k8s.io': {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'r' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'u' }],
  },
  'roles.rbac.authorization.k8s.io': { rules: RULES },
  'rolebindings.rbac.authorization.k8s.io': {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' },
    subjects: [{ kind: 'ServiceAccount', name: 's', namespace: 'default' }],
  },
  'certificatesigningrequests.certificates.k8s.io': {
    spec: {
      request: Buffer.from(CSR).toString('base64'),
      signerName: 'example.com/signer',
      usages: ['client auth'],
    },
  },
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': { webhooks: [WEBHOOK] },
  'validatingwebhookconfigurations.admissionregistration.k8s.io': { webhooks: [WEBHOOK] },
  'validatingadmissionpolicies.admissionregistration.k8s.io': {
    spec: {
      matchConstraints: { resourceRules: WEBHOOK.rules },
      validations: [{ expression: 'true' }],
    },
  },
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': {
    spec: { policyName: 'p', validationActions: ['Deny'] },
  },
  'apiservices.apiregistration.k8s.io': {
    name: 'v1.example.com',
    spec: {
      group: 'example.com',
      version: 'v1',
      groupPriorityMinimum: 100,
      versionPriority: 10,
      insecureSkipTLSVerify: true,
      service: { name: 's', namespace: 'default' },
    },
  },
  'customresourcedefinitions.apiextensions.k8s.io': {
    name: 'things.example.com',
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object' } },
        },
      ],
    },
  },
  'flowschemas.flowcontrol.apiserver.k8s.io': {
    spec: { priorityLevelConfiguration: { name: 'global-default' }, matchingPrecedence: 100 },
  },
  'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io': {
    spec: {
      type: 'Limited',
      limited: { nominalConcurrencyShares: 1, limitResponse: { type: 'Reject' } },
    },
  },
  'deviceclasses.resource.k8s.io': { spec: {} },
  'resourceclaims.resource.k8s.io': {
    spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'c' } }] } },
  },
  'resourceclaimtemplates.resource.k8s.io': {
    spec: { spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'c' } }] } } },
  },
  'resourceslices.resource.k8s.io': {
    spec: {
      driver: 'example.com',
      pool: { name: 'p', resourceSliceCount: 1 },
      nodeName: 'n',
      devices: [],
    },
  },
  'leases.coordination.k8s.io': { spec: { holderIdentity: 'me', leaseDurationSeconds: 15 } },
  'endpointslices.discovery.k8s.io': {
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.0.0.1'] }],
    ports: [],
  },
  'events.events.k8s.io': {
    eventTime: '2026-01-01T00:00:00.000000Z',
    reportingController: 'example.com/c',
    reportingInstance: 'c-0',
    action: 'Testing',
    reason: 'Tested',
    type: 'Normal',
    regarding: { kind: 'Pod', name: 'p', namespace: 'default' },
  },
};
