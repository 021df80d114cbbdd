/**
 * kubectl of four releases, from the one that Debian has to the newest, unmodified, against one server: the
 * everyday commands, and what each release prints for them. Where releases differ, it is they that do: the
 * server answers all of them alike.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { debianKubectl, type Found, kubectlOf } from '../support/binaries.js';
import { Cluster } from '../support/cluster.js';
import { run } from '../support/run.js';

interface Row {
  /** Blanks part arguments; an array where an argument holds blanks. */
  readonly run: string | readonly string[];
  readonly input?: string;
  /** Each must match stdout. */
  readonly prints?: readonly RegExp[];
  /** Each must match stderr. */
  readonly says?: readonly RegExp[];
  readonly fails?: boolean;
  /** The releases (minor numbers) that have the command; all of them by default. */
  readonly from?: number;
  readonly until?: number;
}

const OLDEST = 20;
const CLIENTS: readonly { minor: number; find: () => Promise<Found> }[] = [
  { minor: OLDEST, find: debianKubectl },
  { minor: 33, find: () => kubectlOf('v33') },
  { minor: 34, find: () => kubectlOf('v34') },
  { minor: 35, find: () => kubectlOf('v35') },
];

const configMap = (value: string, field = 'data') =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\n${field}: {key: ${value}}\n`;
const csr = (name: string, request: string) =>
  `apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {name: ${name}}\nspec: {request: ${request}, signerName: kubernetes.io/kube-apiserver-client, usages: [client auth]}\n`;

t.setTimeout(300_000);

t.test('kubectl of several releases', async (t) => {
  const cluster = await Cluster.start(t);
  for (const { minor, find } of CLIENTS) {
    const found = await find();
    await t.test(`v1.${minor}`, 'missing' in found ? { skip: found.missing } : {}, async (t) => {
      if ('missing' in found) return;
      const namespace = `release-${minor}`;
      const kustomization = join(cluster.dataDir, namespace);
      mkdirSync(kustomization);
      writeFileSync(
        join(kustomization, 'kustomization.yaml'),
        'namePrefix: k-\nconfigMapGenerator:\n- {name: made, literals: [a=b]}\n',
      );
      const rows = table(namespace, kustomization, await newRequest(cluster));
      for (const row of rows.filter(
        ({ from = 0, until = 99 }) => from <= minor && minor <= until,
      )) {
        const args = typeof row.run === 'string' ? row.run.split(' ') : row.run;
        const { code, stdout, stderr } = await run(found.path, ['-n', namespace, ...args], {
          input: row.input ?? '',
          env: { KUBECONFIG: cluster.kubeconfig, HOME: join(cluster.dataDir, `home-${minor}`) },
        });
        const name = args.join(' ');
        t.equal(code !== 0, row.fails === true, `${name}: exit ${code} ${stderr}`);
        for (const wanted of row.prints ?? []) t.match(stdout, wanted, `${name}: ${wanted}`);
        for (const wanted of row.says ?? []) t.match(stderr, wanted, `${name}: ${wanted}`);
      }
    });
  }
});

/** A certificate request in base64, made by openssl; an empty one where there is no openssl. */
async function newRequest(cluster: Cluster): Promise<string> {
  const { stdout } = await run(
    'openssl',
    ['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'].concat([
      '-keyout',
      join(cluster.dataDir, 'ann.key'),
      '-subj',
      '/CN=ann/O=devs',
    ]),
  );
  return Buffer.from(stdout).toString('base64');
}

function table(namespace: string, kustomization: string, request: string): readonly Row[] {
  return [
    { run: `create namespace ${namespace}`, prints: [/created/] },
    { run: 'version', prints: [/v1\.35\.\d+\+drydock/] },
    { run: 'get --raw /readyz', prints: [/^ok/] },
    { run: 'api-resources --api-group=apps', prints: [/deployments +deploy +apps\/v1 +true/] },
    { run: 'api-versions', prints: [/^autoscaling\/v2$/m, /^policy\/v1$/m] },
    {
      run: 'explain deployment.spec.strategy.rollingUpdate',
      prints: [/KIND: +Deployment/, /maxSurge\s+<\S+>/, /maxUnavailable\s+<\S+>/],
    },
    { run: 'explain crd.spec.versions.schema', prints: [/openAPIV3Schema/] },
    { run: 'auth can-i create deployments.apps', prints: [/^yes/] },
    { run: 'auth can-i list nodes --as nobody', prints: [/^no/], fails: true },
    { run: 'auth whoami', prints: [/kubernetes-admin/], from: 27 },

    { run: 'create deployment web --image=nginx --replicas=2', prints: [/web created/] },
    { run: 'rollout status deployment/web --timeout=60s', prints: [/successfully rolled out/] },
    { run: 'wait --for=condition=Available deployment/web --timeout=60s', prints: [/met/] },
    { run: 'wait --for=jsonpath={.status.readyReplicas}=2 deploy/web', prints: [/met/], from: 23 },
    { run: 'scale deployment web --replicas=3', prints: [/web scaled/] },
    { run: 'scale deployment web --replicas=3 --current-replicas=9', fails: true },
    { run: 'set image deployment/web nginx=nginx:1.28', prints: [/image updated/] },
    { run: 'rollout status deployment/web --timeout=60s', prints: [/successfully rolled out/] },
    { run: 'rollout history deployment/web', prints: [/^1 +<none>$/m, /^2 +<none>$/m] },
    { run: 'rollout undo deployment/web', prints: [/rolled back/] },
    { run: 'rollout restart deployment/web', prints: [/restarted/] },
    { run: 'rollout status deployment/web --timeout=60s', prints: [/successfully rolled out/] },
    { run: 'get deployment web', prints: [/^web +3\/3 +3 +3 /m] },
    { run: 'get pods -l app=web -o wide', prints: [/READINESS GATES/, /Running +0 .* node-\d/] },
    { run: 'describe deployment web', prints: [/StrategyType: +RollingUpdate/, /Scaled up/] },
    { run: 'describe pods -l app=web', prints: [/Successfully assigned/, /QoS Class: +BestEff/] },
    { run: 'describe node node-2', prints: [/Allocated resources:/, /\sweb-/] },

    { run: 'apply -f -', input: configMap('one'), prints: [/^configmap\/app created/] },
    { run: 'apply -f -', input: configMap('one'), prints: [/^configmap\/app unchanged/] },
    { run: 'diff -f -', input: configMap('one'), prints: [/^$/] },
    { run: 'diff -f -', input: configMap('two'), prints: [/^\+\s+key: two$/m], fails: true },
    { run: 'apply -f - --dry-run=server', input: configMap('two'), prints: [/server dry run/] },
    { run: 'get configmap app -o jsonpath={.data.key}', prints: [/^one$/] },
    {
      run: 'apply -f - --server-side --field-manager=other',
      input: configMap('two'),
      fails: true,
      says: [/1 conflict: conflict with "kubectl-client-side-apply" using v1.*\.data\.key/s],
    },
    {
      run: 'apply -f - --server-side --force-conflicts',
      input: configMap('two'),
      prints: [/^configmap\/app serverside-applied/],
    },
    {
      run: 'apply -f -',
      input: configMap('two', 'dta'),
      fails: true,
      says: [/unknown field "dta"/],
    },
    { run: 'label configmap app tier=front', prints: [/labeled/] },
    { run: 'label configmap app tier=back', fails: true, says: [/already has a value/] },
    { run: 'annotate configmap app note=hello', prints: [/annotated/] },
    { run: ['patch', 'cm', 'app', '-p', '{"data":{"a":"1"}}'], prints: [/patched/] },
    {
      run: ['patch', 'cm', 'app', '--type=merge', '-p', '{"data":{"b":"2"}}'],
      prints: [/patched/],
    },
    {
      run: ['patch', 'cm', 'app', '--type=json', '-p', '[{"op":"remove","path":"/data/a"}]'],
      prints: [/patched/],
    },
    { run: 'get cm app -o jsonpath={.data}', prints: [/^\{"b":"2","key":"two"\}$/] },
    { run: `kustomize ${kustomization}`, prints: [/name: k-made-/] },
    { run: `apply -k ${kustomization}`, prints: [/configmap\/k-made-\w+ created/] },
    { run: 'get configmaps -w --request-timeout=1s -o name', prints: [/^configmap\/app$/m] },

    { run: 'run one --image=nginx --labels=a=b', prints: [/pod\/one created/] },
    { run: 'wait --for=condition=Ready pod/one --timeout=60s', prints: [/met/] },
    { run: 'logs one', prints: [/^/] },
    { run: 'expose deployment web --port=80', prints: [/service\/web exposed/] },
    { run: 'describe service web', prints: [/TargetPort: +80\/TCP/, /10\.244\./] },
    { run: 'create ingress web --rule=shop.example.com/=web:80', prints: [/created/] },
    { run: 'describe ingress web', prints: [/shop\.example\.com/] },
    { run: 'autoscale deployment web --min=1 --max=4 --cpu-percent=80', prints: [/autoscaled/] },
    { run: 'get hpa web', prints: [/Deployment\/web +.*80% +1 +4/] },
    { run: 'describe hpa web', prints: [/Min replicas: +1/] },
    { run: 'top nodes', prints: [/^node-1 +\d+m +\d+% +\d+Mi +\d+%/m] },
    { run: 'debug one --image=busybox --attach=false --profile=general', from: 30 },
    { run: 'debug node/node-2 --image=busybox --attach=false --profile=general', from: 30 },
    {
      run: 'get pod one -o jsonpath={.spec.ephemeralContainers[*].image}',
      prints: [/^busybox$/],
      from: 30,
    },
    {
      run: 'debug one --image=busybox --attach=false',
      fails: true,
      says: [/no kind "EphemeralContainers" is registered for version "v1"/],
      until: OLDEST,
    },

    { run: 'create job once --image=busybox -- true', prints: [/job\.batch\/once created/] },
    { run: 'wait --for=condition=Complete job/once --timeout=60s', prints: [/met/] },
    {
      run: ['create', 'cronjob', 'hourly', '--image=busybox', '--schedule=0 * * * *', '--', 'true'],
      prints: [/cronjob\.batch\/hourly created/],
      from: 21,
    },
    {
      run: ['create', 'cronjob', 'hourly', '--image=busybox', '--schedule=0 * * * *', '--', 'true'],
      fails: true,
      says: [/the server could not find the requested resource/],
      until: OLDEST,
    },
    { run: 'create pdb web --min-available=1 --selector=app=web', prints: [/created/], from: 21 },
    {
      run: 'create pdb web --min-available=1 --selector=app=web',
      fails: true,
      says: [/no matches for kind "PodDisruptionBudget" in version "policy\/v1beta1"/],
      until: OLDEST,
    },
    { run: 'get events --field-selector type=Normal', prints: [/Scheduled +pod\/one/] },
    { run: 'events --for pod/one', prints: [/Scheduled/], from: 26 },
    { run: 'create serviceaccount robot', prints: [/created/] },
    { run: 'create token robot --duration=10m', prints: [/^ey\S+$/m], from: 24 },
    {
      run: 'create role reader --verb=get --resource=pods',
      prints: [/role\.rbac\.authorization\.k8s\.io\/reader created/],
    },
    {
      run: `create rolebinding reads --role=reader --serviceaccount=${namespace}:robot`,
      prints: [/created/],
    },
    {
      run: `auth can-i get pods --as system:serviceaccount:${namespace}:robot`,
      prints: [/^yes/],
    },
    { run: 'create -f -', input: csr(namespace, request), prints: [/created/] },
    { run: `certificate approve ${namespace}`, prints: [/approved/] },
    { run: `get csr ${namespace}`, prints: [/kube-apiserver-client .*Approved/] },

    { run: 'cordon node-1', prints: [/cordoned/] },
    {
      run: 'drain node-1 --ignore-daemonsets --force --delete-emptydir-data --timeout=60s',
      prints: [/node\/node-1 (drained|evicted)/],
    },
    { run: 'uncordon node-1', prints: [/uncordoned/] },
    { run: 'taint node node-3 key=value:PreferNoSchedule', prints: [/tainted/] },
    { run: 'taint node node-3 key-', prints: [/untainted/] },
    { run: 'replace --force -f -', input: configMap('last'), prints: [/app replaced/] },
    { run: 'get all', prints: [/^deployment\.apps\/web/m, /^job\.batch\/once/m] },
    { run: 'delete deployment,service,job --all', prints: [/"web" deleted/, /"once" deleted/] },
    { run: 'get deployments', says: [/No resources found/] },
    { run: `delete namespace ${namespace} --wait=false`, prints: [/deleted/] },
  ];
}
