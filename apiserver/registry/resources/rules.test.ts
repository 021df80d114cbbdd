/** One row a rule: what is refused or warned of, with the path and the text that Kubernetes has for it. */
import t from 'tap';
import { CSR as PEM_REQUEST } from '../../testing/examples.js';
import {
  created,
  createFaults,
  createWarnings,
  definitionOf,
  updateFaults,
  updateWarnings,
} from '../../testing/strategies.js';

const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const CSR = Buffer.from(PEM_REQUEST).toString('base64');
/** The same request after somebody changed its bytes. */
const forged = (change: (der: Buffer) => Buffer) => {
  const der = change(Buffer.from(PEM_REQUEST.replaceAll(/-----.*-----/g, ''), 'base64'));
  const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  return Buffer.from(pem).toString('base64');
};
const refusedRequest = (change: (der: Buffer) => Buffer, why: string) =>
  [
    'CertificateSigningRequest',
    request({ request: forged(change) }),
    [`spec.request: Invalid value: ${JSON.stringify(forged(change))}: ${why}`],
  ] as const;
const request = (spec: object, status?: object) => ({
  spec: { request: CSR, signerName: 'a.example/b', usages: ['client auth'], ...spec },
  ...(status ? { status } : {}),
});
const autoscaler = (metric: object) => ({
  spec: {
    maxReplicas: 1,
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' },
    metrics: [metric],
  },
});
const condition = (type: string, status = 'True') => ({ type, status });
const files = (...paths: readonly string[]) => paths.map((path) => ({ key: 'k', path }));
const halfAByte = {
  accessModes: ['ReadWriteOnce'],
  resources: { requests: { storage: '1500m' } },
};
const limits = (item: object) => ({ spec: { limits: [item] } });
const quota = (spec: object) => ({ spec });
const claim = (devices: object) => ({ spec: { devices } });
const EXACTLY = { deviceClassName: 'gpu' };
const slice = (spec: object) => ({
  spec: {
    driver: 'a.example',
    pool: { name: 'p', generation: 1, resourceSliceCount: 1 },
    nodeName: 'n',
    ...spec,
  },
});
const event = (fields: object) => ({
  eventTime: '2026-01-01T00:00:00.000000Z',
  type: 'Normal',
  reason: 'R',
  action: 'A',
  reportingController: 'a.example/c',
  reportingInstance: 'i',
  regarding: { namespace: 'default' },
  ...fields,
});
const ingress = (backend: object) => ({ spec: { defaultBackend: backend } });
const controller = (spec: object) => ({ spec: { controller: 'a.example/c', ...spec } });

t.test('what is refused at its creation', async (t) => {
  const rows: readonly (readonly [string, string, object, readonly string[]])[] = [
    [
      'a backend of another kind',
      'Ingress',
      ingress({ resource: { apiGroup: 'A', kind: 'a/b', name: '' } }),
      [
        `spec.defaultBackend.resource.apiGroup: Invalid value: "A": ${SUBDOMAIN}`,
        `spec.defaultBackend.resource.kind: Invalid value: "a/b": may not contain '/'`,
        'spec.defaultBackend.resource.name: Required value',
      ],
    ],
    [
      'an Ingress of two classes',
      'Ingress',
      {
        metadata: { name: 'x', annotations: { 'kubernetes.io/ingress.class': 'a' } },
        spec: {
          ingressClassName: 'b',
          defaultBackend: { service: { name: 's', port: { number: 1 } } },
        },
      },
      [
        'annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified',
      ],
    ],
    [
      'a controller without a domain',
      'IngressClass',
      { spec: { controller: 'nginx' } },
      [
        'spec.controller: Invalid value: "nginx": must be a domain-prefixed path (such as "acme.io/foo")',
      ],
    ],
    [
      'a controller of a bad domain and path',
      'IngressClass',
      { spec: { controller: 'A.b/c d' } },
      [
        `spec.controller: Invalid value: "A.b": ${SUBDOMAIN}`,
        `spec.controller: Invalid value: "c d": Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')`,
      ],
    ],
    [
      'a controller too long',
      'IngressClass',
      { spec: { controller: `a.b/${'c'.repeat(250)}` } },
      ['spec.controller: Too long: may not be more than 250 bytes'],
    ],
    [
      'parameters of a namespace that is not said',
      'IngressClass',
      controller({ parameters: { kind: 'K', name: 'n', scope: 'Namespace' } }),
      ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
    ],
    [
      'parameters of a namespace that is none',
      'IngressClass',
      controller({ parameters: { kind: 'K', name: 'n', scope: 'Namespace', namespace: 'A' } }),
      [`spec.parameters.namespace: Invalid value: "A": ${LABEL}`],
    ],
    [
      'parameters of the cluster in a namespace',
      'IngressClass',
      controller({ parameters: { kind: '', name: 'n', namespace: 'a' } }),
      [
        'spec.parameters.kind: Required value',
        "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'",
      ],
    ],
    [
      'ranges of one family',
      'ServiceCIDR',
      { spec: { cidrs: ['10.0.0.0/24', '10.1.0.0/24'] } },
      [
        'spec.cidrs: Invalid value: ["10.0.0.0/24","10.1.0.0/24"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
      ],
    ],
    [
      'three ranges',
      'ServiceCIDR',
      { spec: { cidrs: ['a', 'b', 'c'] } },
      ['spec.cidrs: Invalid value: {"CIDRs":["a","b","c"]}: may only hold up to 2 values'],
    ],
    [
      'no range',
      'ServiceCIDR',
      { spec: {} },
      ['spec.cidrs: Required value: at least one CIDR required'],
    ],
    [
      'a range with bits behind its prefix',
      'ServiceCIDR',
      { spec: { cidrs: ['10.0.0.1/24'] } },
      [
        'spec.cidrs[0]: Invalid value: "10.0.0.1/24": must not have bits set beyond the prefix length',
      ],
    ],
    [
      'a range with zeros before',
      'ServiceCIDR',
      { spec: { cidrs: ['010.0.0.0/24'] } },
      [
        'spec.cidrs[0]: Invalid value: "010.0.0.0/24": must not have leading 0s in IP or prefix length',
      ],
    ],
    [
      'a range in another spelling',
      'ServiceCIDR',
      { spec: { cidrs: ['2001:DB8::/64'] } },
      [
        'spec.cidrs[0]: Invalid value: "2001:DB8::/64": must be in canonical form ("2001:db8::/64")',
      ],
    ],
    [
      'an address of nobody',
      'IPAddress',
      { spec: { parentRef: { group: 'A', namespace: 'a/b' } } },
      [
        `spec.parentRef.group: Invalid value: "A": ${SUBDOMAIN}`,
        'spec.parentRef.resource: Required value',
        'spec.parentRef.name: Required value',
        `spec.parentRef.namespace: Invalid value: "a/b": may not contain '/'`,
      ],
    ],
    [
      'a lease for no time',
      'Lease',
      { spec: { leaseDurationSeconds: 0, leaseTransitions: -1 } },
      [
        'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
        'spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0',
      ],
    ],
    [
      'a lease of an unknown strategy',
      'Lease',
      { spec: { strategy: 'Mine' } },
      [
        'spec.strategy.strategy: Unsupported value: "Mine": supported values: "OldestEmulationVersion"',
      ],
    ],
    [
      'a preferred holder without a strategy',
      'Lease',
      { spec: { preferredHolder: 'h' } },
      ['spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined'],
    ],
    [
      'limits of nothing known',
      'LimitRange',
      limits({ type: 'Things', max: { things: '1' } }),
      [
        'spec.limits[0].type: Invalid value: "Things": must be a standard limit type or fully qualified',
        'spec.limits[0].max[things]: Invalid value: "things": must be a standard resource type or fully qualified',
      ],
    ],
    [
      'limits of one type twice',
      'LimitRange',
      { spec: { limits: [{ type: 'Pod' }, { type: 'Pod' }] } },
      ['spec.limits[1].type: Duplicate value: "Pod"'],
    ],
    [
      'storage for containers',
      'LimitRange',
      limits({ type: 'Pod', max: { storage: '1Gi' } }),
      [
        'spec.limits[0].max[storage]: Invalid value: "storage": must be a standard resource for containers',
      ],
    ],
    [
      'defaults for pods',
      'LimitRange',
      limits({ type: 'Pod', default: { cpu: '1' }, defaultRequest: { cpu: '1' } }),
      [
        "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
        "spec.limits[0].defaultRequest: Forbidden: may not be specified when `type` is 'Pod'",
      ],
    ],
    [
      'limits for claims without storage',
      'LimitRange',
      limits({ type: 'PersistentVolumeClaim' }),
      [
        'spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided',
      ],
    ],
    [
      'defaults outside of the limits',
      'LimitRange',
      limits({
        type: 'Container',
        min: { cpu: '2' },
        max: { cpu: '3' },
        default: { cpu: '4' },
        defaultRequest: { cpu: '1' },
      }),
      [
        'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
        'spec.limits[0].default[cpu]: Invalid value: "3": default value 4 is greater than max value 3',
      ],
    ],
    [
      'a request above the limit',
      'LimitRange',
      limits({ type: 'Container', default: { cpu: '1' }, defaultRequest: { cpu: '2' } }),
      [
        'spec.limits[0].defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than default limit value 1',
      ],
    ],
    [
      'a ratio below one',
      'LimitRange',
      limits({ type: 'Pod', maxLimitRequestRatio: { cpu: '800m' } }),
      [
        'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "800m": ratio 800m is less than 1',
      ],
    ],
    [
      'a ratio that cannot be reached',
      'LimitRange',
      limits({
        type: 'Pod',
        min: { cpu: '1' },
        max: { cpu: '2' },
        maxLimitRequestRatio: { cpu: '10' },
      }),
      [
        'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "10": ratio 10 is greater than max/min = 2.000000',
      ],
    ],
    [
      'devices that are shared',
      'LimitRange',
      limits({
        type: 'Container',
        default: { 'a.example/gpu': '2' },
        defaultRequest: { 'a.example/gpu': '1' },
      }),
      [
        'spec.limits[0].defaultRequest[a.example/gpu]: Invalid value: "1": default value 2 must equal to defaultRequest value 1 in a.example/gpu',
      ],
    ],
    [
      'half a pod',
      'ResourceQuota',
      quota({ hard: { pods: '500m' } }),
      ['spec.hard[pods]: Invalid value: "500m": must be an integer'],
    ],
    [
      'an unknown scope',
      'ResourceQuota',
      quota({ scopes: ['Mine'] }),
      ['spec.scopes: Invalid value: ["Mine"]: unsupported scope'],
    ],
    [
      'a scope of pods for secrets',
      'ResourceQuota',
      quota({ hard: { secrets: '1' }, scopes: ['Terminating'] }),
      ['spec.scopes: Invalid value: ["Terminating"]: unsupported scope applied to resource'],
    ],
    [
      'cpu of pods without requests',
      'ResourceQuota',
      quota({ hard: { cpu: '1' }, scopes: ['BestEffort'] }),
      ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
    ],
    [
      'scopes that exclude each other',
      'ResourceQuota',
      quota({ hard: { pods: '1' }, scopes: ['BestEffort', 'NotBestEffort'] }),
      ['spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes'],
    ],
    [
      'a selector of classes without any',
      'ResourceQuota',
      quota({
        hard: { pods: '1' },
        scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In' }] },
      }),
      [
        "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
      ],
    ],
    [
      'a selector with a value too many',
      'ResourceQuota',
      quota({
        hard: { pods: '1' },
        scopeSelector: {
          matchExpressions: [{ scopeName: 'PriorityClass', operator: 'Exists', values: ['a'] }],
        },
      }),
      [
        `spec.scopeSelector.matchExpressions.values: Invalid value: ["a"]: must be no value when \`operator\` is 'Exist' or 'DoesNotExist' for scope selector`,
      ],
    ],
    [
      'a selector that compares what is or is not',
      'ResourceQuota',
      quota({
        hard: { pods: '1' },
        scopeSelector: {
          matchExpressions: [{ scopeName: 'Terminating', operator: 'In', values: ['a'] }],
        },
      }),
      [
        `spec.scopeSelector.matchExpressions.operator: Invalid value: "In": must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity`,
      ],
    ],
    [
      'a selector by an unknown operator',
      'ResourceQuota',
      quota({
        hard: { pods: '1' },
        scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'Like' }] },
      }),
      [
        'spec.scopeSelector.matchExpressions.operator: Invalid value: "Like": not a valid selector operator',
      ],
    ],
    [
      'a class of runtimes',
      'RuntimeClass',
      {
        handler: 'A',
        overhead: { podFixed: { things: '1' } },
        scheduling: {
          tolerations: [
            { key: 'a', operator: 'Exists' },
            { key: 'a', operator: 'Exists' },
          ],
        },
      },
      [
        `handler: Invalid value: "A": ${LABEL}`,
        'overhead.limits[things]: Invalid value: "things": must be a standard resource type or fully qualified',
        'overhead.limits[things]: Invalid value: "things": must be a standard resource for containers',
        'scheduling.tolerations[1]: Duplicate value: {"Key":"a","Operator":"Exists","Value":"","Effect":"","TolerationSeconds":null}',
      ],
    ],
    [
      'Endpoints that changed sometime',
      'Endpoints',
      {
        metadata: {
          name: 'x',
          annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': 'now' },
        },
      },
      [
        'annotations[endpoints.kubernetes.io/last-change-trigger-time]: Invalid value: "now": must be a valid RFC3339 timestamp',
      ],
    ],
    [
      'an address of the other family',
      'EndpointSlice',
      { addressType: 'IPv6', endpoints: [{ addresses: ['10.0.0.1', 'x'] }] },
      [
        'endpoints[0].addresses[0]: Invalid value: "10.0.0.1": must be an IPv6 address',
        'endpoints[0].addresses[1]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      ],
    ],
    [
      'one zone twice, and a node that is none',
      'EndpointSlice',
      {
        addressType: 'IPv4',
        endpoints: [
          {
            addresses: ['10.0.0.1'],
            hints: { forZones: [{ name: 'a' }, { name: 'a' }], forNodes: [{ name: 'A' }] },
          },
        ],
      },
      [
        'endpoints[0].hints.forZones[1].name: Duplicate value: "a"',
        `endpoints[0].hints.forNodes[0].name: Invalid value: "A": ${SUBDOMAIN}`,
      ],
    ],
    [
      'an event of the newer kind that says nothing',
      'events.k8s.io/Event',
      {},
      ['eventTime: Required value', 'type: Invalid value: "": has invalid value: '],
    ],
    [
      'an event with fields of the older kind',
      'events.k8s.io/Event',
      event({ deprecatedCount: 1, deprecatedSource: { component: 'c' }, series: { count: 1 } }),
      [
        'series.count: Invalid value: "": should be at least 2',
        'series.lastObservedTime: Required value',
        'count: Invalid value: "": needs to be unset',
        'source: Invalid value: "": needs to be unset',
      ],
    ],
    [
      'an event of no controller',
      'events.k8s.io/Event',
      event({ reportingController: '', reason: 'R'.repeat(129), note: 'n'.repeat(1025) }),
      [
        'reportingController: Required value',
        'reportingController: Invalid value: "": name part must be non-empty',
        `reportingController: Invalid value: "": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
        'reason: Invalid value: "": can have at most 128 characters',
        'message: Invalid value: "": can have at most 1024 characters',
      ],
    ],
    [
      'a request that is for another than it was signed for',
      ...refusedRequest((der) => {
        der[der.indexOf('example')] = 0x66;
        return der;
      }, 'x509: ECDSA verification failure'),
    ],
    [
      'a request that breaks off',
      ...refusedRequest((der) => der.subarray(0, 60), 'asn1: syntax error: data truncated'),
    ],
    [
      'a request with more behind it',
      ...refusedRequest(
        (der) => Buffer.concat([der, Buffer.from([5, 0])]),
        'asn1: syntax error: trailing data',
      ),
    ],
    [
      'a request that is something else',
      ...refusedRequest(() => Buffer.from([4, 0]), "asn1: structure error: tags don't match"),
    ],
    [
      'a signature of a kind that nobody knows',
      ...refusedRequest((der) => {
        der[der.lastIndexOf(Buffer.from('2a8648ce3d040302', 'hex')) + 7] = 99;
        return der;
      }, 'x509: cannot verify signature: algorithm unimplemented'),
    ],
    [
      'a metric of no kind',
      'HorizontalPodAutoscaler',
      autoscaler({}),
      [
        'spec.metrics[0].type: Required value: must specify a metric source type',
        'spec.metrics[0].type: Unsupported value: "": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"',
      ],
    ],
    [
      'a metric of two kinds',
      'HorizontalPodAutoscaler',
      autoscaler({
        type: 'Resource',
        resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 5 } },
        object: {
          describedObject: { apiVersion: 'v1', kind: 'Service', name: 's' },
          metric: { name: 'm' },
          target: { type: 'Value', value: '1' },
        },
      }),
      ['spec.metrics[0].object: Forbidden: must populate the given metric source only'],
    ],
    [
      'a metric of another kind than it says',
      'HorizontalPodAutoscaler',
      autoscaler({
        type: 'Resource',
        pods: { metric: { name: 'm' }, target: { type: 'AverageValue', averageValue: '1' } },
      }),
      [
        'spec.metrics[0].resource: Required value: must populate information for the given metric source',
      ],
    ],
    [
      'a resource without a target',
      'HorizontalPodAutoscaler',
      autoscaler({ type: 'Resource', resource: { name: '', target: { type: 'Utilization' } } }),
      [
        'spec.metrics[0].resource.name: Required value: must specify a resource name',
        'spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization',
      ],
    ],
    [
      'a resource of two targets',
      'HorizontalPodAutoscaler',
      autoscaler({
        type: 'ContainerResource',
        containerResource: {
          name: 'cpu',
          container: '',
          target: { type: 'Utilization', averageUtilization: 0, averageValue: '-1' },
        },
      }),
      [
        'spec.metrics[0].containerResource.container: Required value: must specify a container',
        'spec.metrics[0].containerResource.target.averageValue: Invalid value: "-1": must be positive',
        'spec.metrics[0].containerResource.target.averageUtilization: Invalid value: 0: must be greater than 0',
        'spec.metrics[0].containerResource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization',
      ],
    ],
    [
      'a metric of pods by its value',
      'HorizontalPodAutoscaler',
      autoscaler({
        type: 'Pods',
        pods: { metric: { name: 'a/b' }, target: { type: 'Often', value: '1' } },
      }),
      [
        `spec.metrics[0].pods.metric.name: Invalid value: "a/b": may not contain '/'`,
        'spec.metrics[0].pods.target.type: Invalid value: "Often": must be either Utilization, Value, or AverageValue',
        'spec.metrics[0].pods.target.averageValue: Required value: must specify a positive target averageValue',
      ],
    ],
    [
      'a metric of an object without either',
      'HorizontalPodAutoscaler',
      autoscaler({
        type: 'Object',
        object: {
          describedObject: { apiVersion: 'v1', kind: '', name: 'a/b' },
          metric: { name: '' },
          target: { type: '' },
        },
      }),
      [
        'spec.metrics[0].object.describedObject.kind: Required value',
        `spec.metrics[0].object.describedObject.name: Invalid value: "a/b": may not contain '/'`,
        'spec.metrics[0].object.metric.name: Required value: must specify a metric name',
        'spec.metrics[0].object.target.type: Required value: must specify a metric target type',
        'spec.metrics[0].object.target.type: Invalid value: "": must be either Utilization, Value, or AverageValue',
        'spec.metrics[0].object.target.averageValue: Required value: must set either a target value or averageValue',
      ],
    ],
    [
      'a metric from elsewhere in both ways',
      'HorizontalPodAutoscaler',
      autoscaler({
        type: 'External',
        external: {
          metric: { name: 'm' },
          target: { type: 'Value', value: '1', averageValue: '1' },
        },
      }),
      [
        'spec.metrics[0].external.target.value: Forbidden: may not set both a target value for metric and a per-pod target',
      ],
    ],
    [
      'a negative tolerance',
      'HorizontalPodAutoscaler',
      {
        spec: {
          maxReplicas: 1,
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' },
          behavior: { scaleUp: { tolerance: '-100m' } },
        },
      },
      [
        'spec.behavior.scaleUp.tolerance: Invalid value: "-100m": must be greater than or equal to 0',
      ],
    ],
    [
      'a signer without a domain',
      'CertificateSigningRequest',
      request({ signerName: 'a' }),
      [
        `spec.signerName: Invalid value: "a": must be a fully qualified domain and path of the form 'example.com/signer-name'`,
      ],
    ],
    [
      'a signer of one word and a bad path',
      'CertificateSigningRequest',
      request({ signerName: 'a/B' }),
      [
        'spec.signerName: Invalid value: "a": should be a domain with at least two segments separated by dots',
        `spec.signerName: Invalid value: "B": validating label "B": ${SUBDOMAIN}`,
      ],
    ],
    [
      'a signer of old',
      'CertificateSigningRequest',
      request({ signerName: 'kubernetes.io/legacy-unknown' }),
      [
        'spec.signerName: Invalid value: "kubernetes.io/legacy-unknown": the legacy signerName is not allowed via this API version',
      ],
    ],
    [
      'no usage, and little time',
      'CertificateSigningRequest',
      request({ usages: [], expirationSeconds: 5 }),
      [
        'spec.usages: Required value',
        'spec.expirationSeconds: Invalid value: 5: may not specify a duration less than 600 seconds (10 minutes)',
      ],
    ],
    [
      'one usage twice',
      'CertificateSigningRequest',
      request({ usages: ['any', 'any'] }),
      ['spec.usages[1]: Duplicate value: "any"'],
    ],
    [
      'a policy of a bad name, with parameters of two kinds',
      'ValidatingAdmissionPolicyBinding',
      {
        spec: {
          policyName: 'A',
          paramRef: { name: 'a/b', selector: {}, parameterNotFoundAction: 'Shrug' },
          validationActions: ['Deny', 'Warn'],
        },
      },
      [
        `spec.policyName: Invalid value: "A": ${SUBDOMAIN}`,
        `spec.paramRef.name: Invalid value: "a/b": may not contain '/'`,
        'spec.paramRef.name: Forbidden: name and selector are mutually exclusive',
        'spec.paramRef.selector: Forbidden: name and selector are mutually exclusive',
        'spec.paramRef.parameterNotFoundAction: Unsupported value: "Shrug": supported values: "Deny", "Allow"',
        'spec.validationActions: Invalid value: ["Deny","Warn"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ],
    ],
    [
      'devices under no name',
      'ResourceClaim',
      claim({ requests: [{ name: '', exactly: EXACTLY }] }),
      [`spec.devices.requests[0].name: Invalid value: "": ${LABEL}`],
    ],
    [
      'devices of both forms',
      'ResourceClaim',
      claim({
        requests: [{ name: 'r', exactly: EXACTLY, firstAvailable: [{ name: 's', ...EXACTLY }] }],
      }),
      [
        'spec.devices.requests[0]: Invalid value: null: exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set',
      ],
    ],
    [
      'devices twice',
      'ResourceClaim',
      claim({
        requests: [
          { name: 'r', exactly: EXACTLY },
          { name: 'r', exactly: EXACTLY },
        ],
      }),
      ['spec.devices.requests[1]: Duplicate value: "r"'],
    ],
    [
      'a constraint on what is not requested',
      'ResourceClaim',
      claim({
        requests: [{ name: 'r', exactly: EXACTLY }],
        constraints: [{ requests: ['s'], matchAttribute: 'model' }, {}],
      }),
      [
        `spec.devices.constraints[0].requests[0]: Invalid value: "s": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'`,
        'spec.devices.constraints[0].matchAttribute: Invalid value: "model": a fully qualified name must be a domain and a name separated by a slash',
        'spec.devices.constraints[1].matchAttribute: Required value',
      ],
    ],
    [
      'settings for no driver',
      'ResourceClaim',
      claim({ config: [{}, { opaque: { driver: '', parameters: {} } }] }),
      [
        'spec.devices.config[0].opaque: Required value',
        'spec.devices.config[1].opaque.driver: Required value',
      ],
    ],
    [
      'devices nowhere',
      'ResourceSlice',
      slice({ nodeName: undefined }),
      [
        'spec: Required value: exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required',
      ],
    ],
    [
      'devices here and everywhere',
      'ResourceSlice',
      slice({ allNodes: true }),
      [
        'spec: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required, but multiple fields are set',
      ],
    ],
    [
      'a pool of nothing',
      'ResourceSlice',
      slice({ pool: { name: '', generation: -1, resourceSliceCount: 0 } }),
      [
        'spec.pool.name: Required value',
        'spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero',
        'spec.pool.generation: Invalid value: -1: must be greater than or equal to zero',
      ],
    ],
    [
      'attributes of no value and of two',
      'ResourceSlice',
      slice({
        devices: [
          { name: 'd', attributes: { a: {}, 'b-c': { bool: true, int: 1 }, v: { version: '1' } } },
        ],
      }),
      [
        'spec.devices[0].attributes[a]: Invalid value: "": exactly one value must be specified',
        `spec.devices[0].attributes: Invalid value: "b-c": a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')`,
        'spec.devices[0].attributes[b-c]: Invalid value: {"bool":true,"int":1}: exactly one value must be specified',
        'spec.devices[0].attributes[v].version: Invalid value: "1": must be a string compatible with semver.org spec 2.0.0',
      ],
    ],
  ];
  for (const [name, kind, fields, expected] of rows) {
    t.strictSame(createFaults(kind, fields), expected, `${kind}: ${name}`);
  }
});

t.test('names that every object of the language has are names as any other', async (t) => {
  const named = (value: string) => JSON.parse(`{"__proto__":"${value}","constructor":"${value}"}`);
  t.strictSame(
    createFaults('ConfigMap', { data: named('x'), binaryData: { a: 'eA==' } }),
    [],
    'data that stands nowhere else',
  );
  t.strictSame(
    createWarnings('Pod', {
      spec: { containers: [{ name: 'c', image: 'i' }], nodeSelector: { constructor: 'x' } },
    }),
    [],
    'labels of nodes that are not of old',
  );
  const bad = (field: string, name: string) =>
    `spec.limits[0].${field}[${name}]: Invalid value: "${name}": must be a standard resource`;
  const faults = createFaults('LimitRange', limits({ type: 'Container', max: named('1') }));
  for (const name of ['__proto__', 'constructor'])
    t.ok(
      faults.some((fault) => fault.startsWith(bad('max', name))),
      `a limit of ${name}`,
    );
  const resources = { requests: named('1') };
  const pod = { containers: [{ name: 'c', image: 'i', resources }], resources: { limits: {} } };
  const said = createFaults('Pod', { spec: pod }).join();
  for (const name of ['__proto__', 'constructor'])
    t.match(said, `spec.containers[0].resources.requests[${name}]: Invalid value`, name);
});

t.test('what may not change', async (t) => {
  const rows: readonly (readonly [string, string, object, object, string, readonly string[]])[] = [
    [
      'a second range is added',
      'ServiceCIDR',
      { spec: { cidrs: ['10.0.0.0/24', '2001:db8::/64'] } },
      { spec: { cidrs: ['10.0.0.0/24'] } },
      '',
      [],
    ],
    [
      'a range becomes another',
      'ServiceCIDR',
      { spec: { cidrs: ['10.1.0.0/24'] } },
      { spec: { cidrs: ['10.0.0.0/24'] } },
      '',
      ['spec.cidrs[0]: Invalid value: "10.1.0.0/24": field is immutable'],
    ],
    [
      'a range goes',
      'ServiceCIDR',
      { spec: { cidrs: ['10.0.0.0/24'] } },
      { spec: { cidrs: ['10.0.0.0/24', '2001:db8::/64'] } },
      '',
      ['spec.cidrs: Invalid value: ["10.0.0.0/24"]: field is immutable'],
    ],
    [
      'an address gets another parent',
      'IPAddress',
      { spec: { parentRef: { resource: 'services', name: 'b' } } },
      { spec: { parentRef: { resource: 'services', name: 'a' } } },
      '',
      ['spec.parentRef: Invalid value: {"resource":"services","name":"b"}: field is immutable'],
    ],
    [
      'another controller',
      'IngressClass',
      { spec: { controller: 'a.b/c' } },
      { spec: { controller: 'a.b/d' } },
      '',
      ['spec.controller: Invalid value: "a.b/c": field is immutable'],
    ],
    [
      'a status with no address',
      'Ingress',
      {
        ...ingress({}),
        status: { loadBalancer: { ingress: [{ ip: 'x', hostname: '10.0.0.1' }] } },
      },
      ingress({}),
      'status',
      [
        'status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
        'status.loadBalancer.ingress[0].hostname: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
      ],
    ],
    [
      'other scopes',
      'ResourceQuota',
      quota({ scopes: ['BestEffort'] }),
      quota({}),
      '',
      ['spec.scopes: Invalid value: ["BestEffort"]: field is immutable'],
    ],
    [
      'an event of another time',
      'events.k8s.io/Event',
      event({ reason: 'S', note: 'n' }),
      event({}),
      '',
      [
        'reason: Invalid value: "S": field is immutable',
        'message: Invalid value: "n": field is immutable',
      ],
    ],
    [
      'a range of pods becomes another',
      'Node',
      { spec: { podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24'] } },
      { spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'] } },
      '',
      ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
    ],
    [
      'in its older form alone',
      'Node',
      { spec: { podCIDR: '10.1.0.0/24', podCIDRs: ['10.0.0.0/24'] } },
      { spec: { podCIDR: '10.0.0.0/24', podCIDRs: ['10.0.0.0/24'] } },
      '',
      ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
    ],
    [
      'an approval by others',
      'CertificateSigningRequest',
      request({}, { conditions: [condition('Approved')] }),
      request({}),
      'status',
      ['status.conditions: Forbidden: updates may not add a condition of type "Approved"'],
    ],
    [
      'an approval that is taken back',
      'CertificateSigningRequest',
      request({}),
      request({}, { conditions: [condition('Approved')] }),
      'approval',
      ['status.conditions: Forbidden: updates may not remove a condition of type "Approved"'],
    ],
    [
      'approved and denied',
      'CertificateSigningRequest',
      request({}, { conditions: [condition('Approved'), condition('Denied')] }),
      request({}),
      'approval',
      [
        'status.conditions[1].type: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
      ],
    ],
    [
      'hardly approved',
      'CertificateSigningRequest',
      request({}, { conditions: [condition('Approved', 'False')] }),
      request({}),
      'approval',
      ['status.conditions[0].status: Unsupported value: "False": supported values: "True"'],
    ],
    [
      'a certificate that is none',
      'CertificateSigningRequest',
      request({}, { certificate: 'eA==' }),
      request({}),
      'status',
      [
        'status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block',
      ],
    ],
    [
      'another spec is not taken, nor told of',
      'CertificateSigningRequest',
      request({ signerName: 'a' }),
      request({}),
      '',
      [],
    ],
    [
      'a claim reserved before it has devices',
      'ResourceClaim',
      { status: { reservedFor: [{ resource: 'pods', name: 'p', uid: '' }] } },
      {},
      'status',
      [
        'status.reservedFor[0].uid: Required value',
        'status.reservedFor: Forbidden: may not be specified when `allocated` is not set',
      ],
    ],
    [
      'devices that nobody requested',
      'ResourceClaim',
      {
        status: {
          allocation: {
            devices: {
              results: [{ request: 'r', driver: 'd', pool: 'p', device: 'x' }],
              config: [{ source: 'Mine', opaque: { driver: 'd', parameters: {} } }],
            },
          },
        },
      },
      {},
      'status',
      [
        `status.allocation.devices.results[0].request: Invalid value: "r": must be the name of a request in the claim or the name of a request and a subrequest separated by '/'`,
        'status.allocation.devices.config[0].source: Unsupported value: "Mine": supported values: "FromClaim", "FromClass"',
      ],
    ],
    [
      'a report of a device that it does not have',
      'ResourceClaim',
      {
        status: {
          devices: [{ driver: 'd', pool: 'p', device: 'x', networkData: { ips: ['10.0.0.1'] } }],
        },
      },
      {},
      'status',
      [
        'status.devices[0]: Invalid value: "d/p/x": must be an allocated device in the claim',
        'status.devices[0].networkData.ips[0]: Invalid value: "10.0.0.1": must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)',
      ],
    ],
    [
      'conditions of no time and without a reason',
      'PodDisruptionBudget',
      { status: { conditions: [{ type: 'a/b/c', status: 'Maybe' }], expectedPods: -1 } },
      {},
      'status',
      [
        `status.conditions[0].type: Invalid value: "a/b/c": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
        'status.conditions[0].status: Unsupported value: "Maybe": supported values: "False", "True", "Unknown"',
        'status.conditions[0].lastTransitionTime: Required value: must be set',
        'status.conditions[0].reason: Required value: must be set',
        'status.expectedPods: Invalid value: -1: must be greater than or equal to 0',
      ],
    ],
    [
      'a class of devices under a name of its own',
      'DeviceClass',
      { spec: { extendedResourceName: 'cpu', config: [{}] } },
      { spec: { extendedResourceName: 'example.com/gpu' } },
      '',
      [
        'spec.config[0].opaque: Required value',
        'spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name',
      ],
    ],
    [
      'a device that says where it is',
      'ResourceSlice',
      slice({ devices: [{ name: 'd', nodeName: 'm' }] }),
      slice({ devices: [{ name: 'd', nodeName: 'n' }] }),
      '',
      [
        'spec.devices[0]: Invalid value: null: `nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec',
      ],
    ],
    [
      'a capacity that nobody shares',
      'ResourceSlice',
      slice({
        devices: [{ name: 'd', capacity: { memory: { value: '1Gi', requestPolicy: {} } } }],
      }),
      slice({ devices: [{ name: 'd', allowMultipleAllocations: true }] }),
      '',
      [
        'spec.devices[0].capacity[memory].requestPolicy: Forbidden: allowMultipleAllocations must be true',
      ],
    ],
    [
      'steps that do not meet',
      'ResourceSlice',
      slice({
        devices: [
          {
            name: 'd',
            allowMultipleAllocations: true,
            capacity: {
              memory: {
                value: '10',
                requestPolicy: { default: '4', validRange: { min: '1', max: '9', step: '2' } },
              },
            },
          },
        ],
      }),
      slice({ devices: [{ name: 'd', allowMultipleAllocations: true }] }),
      '',
      [
        'spec.devices[0].capacity[memory].requestPolicy.validRange.step: Invalid value: "4": value is not a multiple of a given step (2) from (1)',
      ],
    ],
    [
      'devices of another driver',
      'ResourceSlice',
      slice({ driver: 'b.example' }),
      slice({}),
      '',
      ['spec.driver: Invalid value: "b.example": field is immutable'],
    ],
  ];
  for (const [name, kind, now, before, part, expected] of rows) {
    t.strictSame(updateFaults(kind, now, before, part), expected, `${kind}: ${name}`);
  }
});

t.test('what is off by default of devices is taken out, unless it was there before', async (t) => {
  const wish = { ...EXACTLY, tolerations: [{ key: 'k' }], capacity: { requests: { memory: '1' } } };
  const kept = { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1 };
  const ask = {
    devices: {
      requests: [
        { name: 'r', exactly: wish },
        { name: 's', firstAvailable: [{ name: 'a', ...wish }] },
      ],
      constraints: [{ matchAttribute: 'a.example/x', distinctAttribute: 'a.example/y' }],
    },
  };
  const asked = {
    devices: {
      requests: [
        { name: 'r', exactly: kept },
        { name: 's', firstAvailable: [{ name: 'a', ...kept }] },
      ],
      constraints: [{ matchAttribute: 'a.example/x' }],
    },
  };
  t.strictSame(created('ResourceClaim', { spec: ask })['spec'], asked);
  t.strictSame(created('ResourceClaimTemplate', { spec: { spec: ask } })['spec'], {
    metadata: {},
    spec: asked,
  });
  t.strictSame(
    created('DeviceClass', { spec: { extendedResourceName: 'a.example/g' } })['spec'],
    {},
  );
  const plain = { name: 'd', capacity: { memory: { value: '1Gi' } } };
  const full = {
    ...plain,
    nodeName: 'n',
    allNodes: true,
    taints: [{ key: 'k', effect: 'NoSchedule' }],
    consumesCounters: [{ counterSet: 'c', counters: { m: { value: '1' } } }],
    bindsToNode: true,
    bindingConditions: ['a'],
    bindingFailureConditions: ['b'],
    allowMultipleAllocations: true,
    capacity: { memory: { value: '1Gi', requestPolicy: { default: '1' } } },
  };
  const shared = { sharedCounters: [{ name: 'c', counters: { m: { value: '1' } } }] };
  t.strictSame(
    created('ResourceSlice', slice({ devices: [full], ...shared }))['spec'],
    slice({ devices: [plain] }).spec,
  );
});

t.test('what is taken with a warning', async (t) => {
  const annotated = { 'kubernetes.io/ingress.class': 'a' };
  const policy = {
    spec: { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.1/8', except: ['010.0.0.0/9'] } }] }] },
  };
  const rows: readonly (readonly [string, string, object, readonly string[]])[] = [
    [
      'a class as an annotation',
      'Ingress',
      { metadata: { name: 'x', annotations: annotated }, spec: {} },
      [
        `annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead`,
      ],
    ],
    [
      'a class in both ways',
      'Ingress',
      { metadata: { name: 'x', annotations: annotated }, spec: { ingressClassName: 'a' } },
      [],
    ],
    [
      'addresses that others read differently',
      'Service',
      { spec: { ports: [{ port: 1 }], externalIPs: ['010.0.0.1', '2001:DB8::1'] } },
      [
        'spec.externalIPs[0]: non-standard IP address "010.0.0.1" will be considered invalid in a future Kubernetes release: use "10.0.0.1"',
        'spec.externalIPs[1]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
      ],
    ],
    [
      'ranges that say two things',
      'NetworkPolicy',
      policy,
      [
        'spec.ingress[0].from[0].ipBlock.cidr: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)',
        'spec.ingress[0].from[0].ipBlock.except[0]: non-standard CIDR value "010.0.0.0/9" will be considered invalid in a future Kubernetes release: use "10.0.0.0/9"',
      ],
    ],
    [
      'names in place of addresses',
      'EndpointSlice',
      { addressType: 'FQDN' },
      ['spec.addressType: FQDN endpoints are deprecated'],
    ],
    [
      'an address of IPv4 in one of IPv6',
      'Endpoints',
      { subsets: [{ addresses: [{ ip: '::ffff:10.0.0.1' }] }] },
      [
        'subsets[0].addresses[0].ip: non-standard IP address "::ffff:10.0.0.1" will be considered invalid in a future Kubernetes release: use "10.0.0.1"',
      ],
    ],
    [
      'a field without use',
      'Node',
      { spec: { externalID: 'x' } },
      ['spec.externalID: this field is deprecated, and is unused by Kubernetes'],
    ],
    [
      'a pod that asks and knows odd addresses',
      'Pod',
      {
        spec: {
          containers: [{ name: 'c', image: 'i' }],
          hostAliases: [{ ip: '010.0.0.1', hostnames: ['a'] }],
          dnsConfig: { nameservers: ['2001:DB8::1'] },
        },
      },
      [
        'spec.hostAliases[0].ip: non-standard IP address "010.0.0.1" will be considered invalid in a future Kubernetes release: use "10.0.0.1"',
        'spec.dnsConfig.nameservers[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
      ],
    ],
    [
      'a pod that selects nobody, on an address without a port',
      'Pod',
      {
        spec: {
          containers: [
            {
              name: 'c',
              image: 'i',
              ports: [{ name: 'p', containerPort: 80, protocol: 'TCP', hostIP: '127.0.0.1' }],
            },
          ],
          affinity: {
            podAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'a' }],
            },
            podAntiAffinity: {
              preferredDuringSchedulingIgnoredDuringExecution: [
                { weight: 1, podAffinityTerm: { topologyKey: 'a' } },
              ],
            },
          },
        },
      },
      [
        'spec.containers[0].ports[0]: hostIP set without hostPort: {Name:p HostPort:0 ContainerPort:80 Protocol:TCP HostIP:127.0.0.1}',
        'spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: a null labelSelector results in matching no pod',
        'spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.labelSelector: a null labelSelector results in matching no pod',
      ],
    ],
    [
      'volumes whose files hide each other',
      'Pod',
      {
        spec: {
          containers: [{ name: 'c', image: 'i' }],
          volumes: [
            { name: 'a', configMap: { name: 'm', items: files('x', 'x/y', 'xy') } },
            { name: 'b', secret: { secretName: 's', items: files('z/', 'z') } },
            { name: 'e', ephemeral: { volumeClaimTemplate: { spec: halfAByte } } },
            {
              name: 'p',
              projected: {
                sources: [
                  {},
                  { serviceAccountToken: { path: 'token' } },
                  { configMap: { name: 'm', items: files('ca.crt', 'token') } },
                  { secret: { name: 's', items: files('ca.crt/x') } },
                ],
              },
            },
          ],
        },
      },
      [
        'spec.volumes[2].ephemeral.volumeClaimTemplate.spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer',
        'volume "a" (ConfigMap "m"): overlapping paths: "x/y" with "x"',
        'volume "b" (Secret "s"): overlapping paths: "z" with "z"',
        'volume "p" (Projected) has no sources provided',
        'volume "p" (Projected ConfigMap "m"): overlapping paths: "token" with "token"',
        'volume "p" (Projected Secret "s"): overlapping paths: "ca.crt/x" with "ca.crt"',
      ],
    ],
    [
      'a label of old',
      'RuntimeClass',
      { handler: 'a', scheduling: { nodeSelector: { 'beta.kubernetes.io/os': 'linux' } } },
      ['scheduling.nodeSelector: deprecated since v1.14; use "kubernetes.io/os" instead'],
    ],
  ];
  for (const [name, kind, fields, expected] of rows) {
    t.strictSame(createWarnings(kind, fields), expected, `${kind}: ${name}`);
  }
  const spec = { ports: [{ port: 1 }], trafficDistribution: 'PreferClose' };
  t.strictSame(
    updateWarnings('Service', { spec }, { spec }),
    ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'],
    'Service: as before, and warned of again',
  );
});

t.test('what is warned of at an update', async (t) => {
  const template = {
    metadata: { labels: { a: 'b' } },
    spec: {
      containers: [{ name: 'c', image: 'i' }],
      nodeSelector: { 'beta.kubernetes.io/os': 'linux' },
    },
  };
  const selector = { matchLabels: { a: 'b' } };
  const told = (at: string) =>
    `${at}.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead`;
  const of = (spec: object, generation: number) => ({
    metadata: { name: 'x', generation },
    ...spec,
  });
  for (const [kind, spec, at] of [
    ['Deployment', { spec: { selector, template } }, 'spec.template'],
    ['ReplicaSet', { spec: { selector, template } }, 'spec.template'],
    ['ReplicationController', { spec: { selector: { a: 'b' }, template } }, 'spec.template'],
    ['DaemonSet', { spec: { selector, template } }, 'spec.template'],
    ['StatefulSet', { spec: { selector, template } }, 'spec.template'],
    ['Job', { spec: { template } }, 'spec.template'],
    [
      'CronJob',
      { spec: { schedule: '* * * * *', jobTemplate: { spec: { template } } } },
      'spec.jobTemplate.spec.template',
    ],
    ['PodTemplate', { template }, 'template'],
  ] as const) {
    t.strictSame(
      updateWarnings(kind, of(spec, 2), of(spec, 1)),
      [told(at)],
      `${kind} that changes`,
    );
    t.strictSame(updateWarnings(kind, of(spec, 2), of(spec, 2)), [], `${kind} that stays`);
  }
  const pod = { spec: template.spec };
  t.strictSame(
    updateWarnings('Pod', of(pod, 2), of(pod, 1)),
    [],
    'a Pod, which nobody writes by hand',
  );
});

t.test('names that make odd hosts', async (t) => {
  const pods = 'metadata.name: this is used in Pod names and hostnames, which can';
  for (const [kind, text] of [
    ['Pod', "metadata.name: this is used in the Pod's hostname, which can"],
    ['Deployment', pods],
    ['ReplicaSet', pods],
    ['ReplicationController', pods],
    ['Job', pods],
    ['CronJob', pods],
  ] as const) {
    t.strictSame(
      createWarnings(kind, { metadata: { name: 'a.b' } }),
      [
        `${text} result in surprising behavior; a DNS label is recommended: [must not contain dots]`,
      ],
      kind,
    );
    t.strictSame(createWarnings(kind, { metadata: { name: 'a-b' } }), [], kind);
  }
});

t.test('a node keeps no configuration for its kubelet', async (t) => {
  const source = { configMap: { name: 'c', namespace: 'd', kubeletConfigKey: 'k' } };
  const node = created('Node', { spec: { configSource: source }, status: { config: {} } });
  t.strictSame(node['spec'], {});
  t.notOk('config' in (node['status'] as object));
});

t.test('kinds that are going say so in every answer', async (t) => {
  t.equal(
    definitionOf('Endpoints').deprecation,
    'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
  );
  t.equal(
    definitionOf('ComponentStatus').deprecation,
    'v1 ComponentStatus is deprecated in v1.19+',
  );
});
