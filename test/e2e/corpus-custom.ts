/**
 * Custom resources of the operators whose definitions are among the manifests of others: some that their
 * definitions take, and how they are printed, and some that are refused.
 */
const certificate = (name: string, spec: object) => ({
  apiVersion: 'cert-manager.io/v1',
  kind: 'Certificate',
  metadata: { name },
  spec: { secretName: 'web-tls', dnsNames: ['web.example.com'], ...spec },
});

const prometheus = (name: string, spec: object) => ({
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'Prometheus',
  metadata: { name },
  spec,
});

const issuerRef = { name: 'self', kind: 'Issuer' };

export const VALID: readonly object[] = [
  {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Issuer',
    metadata: { name: 'self' },
    spec: { selfSigned: {} },
  },
  {
    apiVersion: 'cert-manager.io/v1',
    kind: 'ClusterIssuer',
    metadata: { name: 'of-all' },
    spec: { selfSigned: {} },
  },
  certificate('web', { issuerRef, privateKey: { algorithm: 'ECDSA', size: 256 } }),
  prometheus('defaulted', { version: 'v3.0.0', replicas: 2 }),
  {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PodMonitor',
    metadata: { name: 'web' },
    spec: { selector: {}, podMetricsEndpoints: [{ port: 'http' }] },
  },
  {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Rollout',
    metadata: { name: 'canary' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { containers: [{ name: 'web', image: 'nginx' }] },
      },
      strategy: { canary: { steps: [{ setWeight: 20 }, { pause: {} }] } },
    },
  },
  {
    apiVersion: 'projectcontour.io/v1',
    kind: 'HTTPProxy',
    metadata: { name: 'web' },
    spec: {
      virtualhost: { fqdn: 'web.example.com', tls: { secretName: 'web-tls' } },
      routes: [{ services: [{ name: 'web', port: 80 }] }],
    },
  },
];

/** Lines of the tables of `kubectl get` of several kinds: there each name has its kind before it. */
export const CELLS: readonly { readonly of: string; readonly row: RegExp }[] = [
  {
    of: 'certificate.cert-manager.io',
    row: /^custom +certificate\.cert-manager\.io\/web +web-tls +\S+$/,
  },
  {
    of: 'prometheus.monitoring.coreos.com',
    row: /^custom +prometheus\.monitoring\.coreos\.com\/defaulted +v3\.0\.0 +2 +\S+$/,
  },
  {
    of: 'rollout.argoproj.io',
    row: /^custom +rollout\.argoproj\.io\/canary +2 +\S+$/,
  },
  {
    of: 'httpproxy.projectcontour.io',
    row: /^custom +httpproxy\.projectcontour\.io\/web +web\.example\.com +web-tls +NotReconciled +Waiting for controller *$/,
  },
];

export const INVALID: readonly {
  readonly why: string;
  readonly object: object;
  readonly says: RegExp;
}[] = [
  {
    why: 'a field that must be there',
    object: certificate('unsigned', {}),
    says: /Certificate\.cert-manager\.io "unsigned" is invalid: spec\.issuerRef: Required value/,
  },
  {
    why: 'one of a few words',
    object: certificate('old', { issuerRef, privateKey: { algorithm: 'DSA' } }),
    says: /Certificate\.cert-manager\.io "old" is invalid: spec\.privateKey\.algorithm: Unsupported value: "DSA": supported values: "RSA", "ECDSA", "Ed25519"/,
  },
  {
    why: 'at least 1',
    object: prometheus('empty', { enforcedKeepDroppedTargets: 'many', shards: 1 }),
    says: /Prometheus\.monitoring\.coreos\.com "empty" is invalid: .*spec\.enforcedKeepDroppedTargets: Invalid value: "string": spec\.enforcedKeepDroppedTargets in body must be of type integer: "string"/,
  },
  {
    why: 'a number, not a word',
    object: prometheus('worded', { replicas: 'two' }),
    says: /Prometheus\.monitoring\.coreos\.com "worded" is invalid: .*spec\.replicas: Invalid value: "string": spec\.replicas in body must be of type integer: "string"/,
  },
  {
    why: 'a pattern',
    object: prometheus('soon', { scrapeInterval: 'soon' }),
    says: /Prometheus\.monitoring\.coreos\.com "soon" is invalid: .*spec\.scrapeInterval: Invalid value: "soon": spec\.scrapeInterval in body should match '/,
  },
  {
    why: 'a field that nobody defined',
    object: certificate('coloured', { issuerRef, colour: 'red' }),
    says: /strict decoding error: unknown field "spec\.colour"/,
  },
];
