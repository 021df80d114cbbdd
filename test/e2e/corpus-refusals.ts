/**
 * Objects in the manifests of others that Kubernetes refuses: invalid on purpose, or written for a version
 * that allowed them, or in the way of another file's. What is not listed must be taken.
 */
import type { Test } from 'tap';
import type { RunResult } from '../support/run.js';
import { type CorpusObject, fileName } from './corpus-manifests.js';

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
    file: /examples\/Ingress\/ingress-class\.yaml$/,
    kind: 'IngressClass',
    says: /spec\.parameters\.apiGroup: Invalid value: "k8s\.example\.com\/v1alpha": a lowercase RFC 1123/,
    why: 'a version in a group',
  },
  {
    file: /controllers\/hpa-rs\.yaml$/,
    kind: 'HorizontalPodAutoscaler',
    says: /spec\.scaleTargetRef\.apiVersion: Invalid value: "": apiVersion must specify API group/,
    why: 'its target is in no group',
  },
  {
    file: /(wordpress-volumes|postgres-operator)\/storage\.yml$/,
    kind: 'StorageClass',
    says: /"standard" is invalid: \[?parameters: Forbidden: updates to parameters are forbidden\., provisioner: Forbidden: updates to provisioner are forbidden\./,
    why: "the cluster's own default class has its name, as on kind and minikube",
  },
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

/** What became of the objects so far. */
export interface Count {
  taken: number;
  refused: number;
  noMatch: number;
}

export function noneYet(): Count {
  return { taken: 0, refused: 0, noMatch: 0 };
}

/** Each message of kubectl belongs to the object that it names, by its file or by kind and name. */
export function check(
  t: Test,
  members: readonly CorpusObject[],
  { stderr }: RunResult,
  count: Count,
  defined: ReadonlySet<string>,
): void {
  const messages = stderr
    .split(
      /\[?(?=resource mapping not found )|^(?=Error from server|error: |error when |The \w+ "|Warning: )/m,
    )
    .filter(
      (message) =>
        message.trim() !== 'error:' && message !== '' && !message.startsWith('Warning: '),
    );
  const unclaimed = new Set(messages);
  for (const [place, member] of members.entries()) {
    const { kind, name } = member;
    const said = [...unclaimed].filter(
      (message) =>
        message.includes(`/${fileName(place)}"`) || message.startsWith(`The ${kind} "${name}" `),
    );
    for (const message of said) unclaimed.delete(message);
    checkOne(t, member, said.join(''), count, defined);
  }
  t.same([...unclaimed], [], 'kubectl says nothing else');
}

function checkOne(
  t: Test,
  object: CorpusObject,
  said: string,
  count: Count,
  defined: ReadonlySet<string>,
): void {
  const { file, apiVersion, kind, name, cls } = object;
  const title = `${file}: ${kind} ${name}`;
  const isServed = cls === 'served' || defined.has(`${apiVersion} ${kind}`);
  if (!isServed) {
    const noMatch = `no matches for kind "${kind}" in version "${apiVersion}"`;
    if (t.match(said, noMatch, `${title} is refused: ${noMatch}`)) count.noMatch++;
    return;
  }
  const refusal = REFUSED.find((each) => isOf(each, object));
  if (refusal === undefined) {
    if (t.equal(said, '', `${title} is taken`)) count.taken++;
  } else if (t.match(said, refusal.says, `${title} is refused: ${refusal.why}`)) {
    count.refused++;
  }
}

function isOf(refusal: Refusal, { file, kind }: CorpusObject): boolean {
  return refusal.kind === kind && refusal.file.test(file);
}
