/**
 * Objects in the manifests of others that Kubernetes refuses: invalid on purpose, or written for a version
 * that allowed them, or in the way of another file's. What is not listed must be taken.
 */
export interface Refusal {
  /** Matches the file's path. */
  readonly file: RegExp;
  readonly kind: string;
  readonly says: RegExp;
  readonly why: string;
}

const EXACT =
  /pathType: Unsupported value: "exact": supported values: "Exact", "ImplementationSpecific", "Prefix"/;

export const REFUSED: readonly Refusal[] = [
  {
    file: /examples\/Ingress\/(nohost|fanout|tls|virtualhosting)\.yaml$/,
    kind: 'Ingress',
    says: EXACT,
    why: 'a path type is spelled with a capital letter',
  },
  {
    file: /https-ready-alb\.yaml$/,
    kind: 'Ingress',
    says: /strict decoding error: unknown field "spec\.backend"/,
    why: 'a field of extensions/v1beta1 under networking.k8s.io/v1',
  },
  {
    file: /volumes\/helloworld-with-volume\.yml$/,
    kind: 'Deployment',
    says: /volumes\[0\]\.awsElasticBlockStore\.volumeID: Required value, .*volumeMounts\[0\]\.name: Not found: "myvolume"/,
    why: 'the reader is to fill in the id of a disk',
  },
  {
    file: /autoscaling\/hpa-example\.yml$|first-app\/helloworld-nodeport-service\.yml$/,
    kind: 'Service',
    says: /spec\.ports\[0\]\.nodePort: Invalid value: 31001: provided port is already allocated/,
    why: 'another lesson has its port',
  },
  {
    file: /shards\/prometheus-service\.yaml$/,
    kind: 'Service',
    says: /spec\.ports\[0\]\.nodePort: Invalid value: 30900: provided port is already allocated/,
    why: 'another example has its port',
  },
  {
    file: /metrics-server\/manifests\/(base\/deployment|components\/[^/]*\/patch)\.yaml$/,
    kind: 'Deployment',
    says: /spec\.selector: Required value, spec\.template\.metadata\.labels: Invalid value: .*`selector` does not match template `labels`/,
    why: 'a part of a kustomization, not an object',
  },
  {
    file: /prometheus-operator-crd(-full)?\/.*_(thanosrulers|prometheusagents|scrapeconfigs|alertmanagers|prometheuses)\.yaml$/,
    kind: 'CustomResourceDefinition',
    says: /metadata\.annotations: Too long: may not be more than 262144 bytes/,
    why: 'client-side apply keeps the whole object in an annotation',
  },
  {
    file: /scrapeclass-example-servicemonitor\.yaml$/,
    kind: 'ServiceMonitor',
    says: /spec\.selector: Required value/,
    why: 'its schema wants a selector',
  },
  {
    file: /scrapeclass-example-definition\.yaml$/,
    kind: 'Prometheus',
    says: /resource name may not be empty/,
    why: 'it has no name',
  },
  {
    file: /scrapeclass-example-podmonitor\.yaml$/,
    kind: 'PodMonitor',
    says: /resource name may not be empty/,
    why: 'it has no name',
  },
  {
    file: /job\/job-tmpl\.yaml$/,
    kind: 'Job',
    says: /metadata\.name: Invalid value: "process-item-\$ITEM": a lowercase RFC 1123 subdomain must consist of/,
    why: 'a template of a shell script',
  },
];
