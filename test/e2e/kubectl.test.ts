/** The real kubectl against a cluster of real processes: every command that a course types, and what it prints. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { binaries } from '../support/binaries.js';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import type { RunOptions } from '../support/run.js';

const missing = binaries();
const skip = typeof missing === 'string' ? missing : false;

interface Row {
  /** Blanks part arguments; an array where an argument holds blanks. */
  readonly run: string | readonly string[];
  /** Each must match stdout. */
  readonly prints?: readonly RegExp[];
  /** Each must match stderr; without `fails`, warnings. */
  readonly says?: readonly RegExp[];
  readonly fails?: boolean;
  readonly options?: RunOptions;
}

/** `NAME  READY …` with any number of blanks between. */
function columns(...names: string[]): RegExp {
  return new RegExp(`^${names.join(' +')} *$`, 'm');
}

t.test('kubectl', { skip }, async (t) => {
  const cluster = await Cluster.start(t);
  const check = async (t: Test, rows: readonly Row[]) => {
    for (const row of rows) {
      const name = typeof row.run === 'string' ? row.run : row.run.join(' ');
      const { code, stdout, stderr } = await cluster.kubectl(row.run, row.options);
      t.equal(code !== 0, row.fails === true, `${name}: exit ${code} ${stderr}`);
      for (const wanted of row.prints ?? []) t.match(stdout, wanted, `${name} prints ${wanted}`);
      for (const wanted of row.says ?? []) t.match(stderr, wanted, `${name} says ${wanted}`);
    }
  };

  await t.test('says where and what the cluster is', async (t) => {
    await check(t, [
      { run: 'version', prints: [/Server Version: v1\.35\.\d+\+drydock/] },
      {
        run: 'cluster-info',
        prints: [/Kubernetes control plane.*is running at.*https:\/\/127\.0\.0\.1/],
      },
      {
        run: 'api-versions',
        prints: [/^apps\/v1$/m, /^batch\/v1$/m, /^v1$/m, /^rbac\.authorization\.k8s\.io\/v1$/m],
      },
      {
        run: 'api-resources',
        prints: [
          columns('NAME', 'SHORTNAMES', 'APIVERSION', 'NAMESPACED', 'KIND'),
          columns('deployments', 'deploy', 'apps/v1', 'true', 'Deployment'),
          columns('nodes', 'no', 'v1', 'false', 'Node'),
          columns(
            'horizontalpodautoscalers',
            'hpa',
            'autoscaling/v2',
            'true',
            'HorizontalPodAutoscaler',
          ),
        ],
      },
      {
        run: 'api-resources --namespaced=false --verbs=list -o name',
        prints: [/^nodes$/m, /^clusterroles\.rbac/m],
      },
      { run: 'get --raw /healthz', prints: [/^ok/] },
      { run: 'get --raw /readyz?verbose', prints: [/\[\+\]etcd ok/, /readyz check passed/] },
      {
        run: 'get componentstatuses',
        prints: [columns('NAME', 'STATUS', 'MESSAGE', 'ERROR')],
        says: [/v1 ComponentStatus is deprecated in v1\.19\+/],
      },
      { run: 'auth whoami', prints: [/Username +kubernetes-admin/, /system:masters/] },
      { run: 'auth can-i create pods', prints: [/^yes/] },
      { run: 'auth can-i create pods --as nobody', prints: [/^no/], fails: true },
      {
        run: 'auth can-i --list --as system:serviceaccount:default:default',
        prints: [/selfsubjectreviews/],
      },
      { run: 'config view --minify', prints: [/current-context: drydock/] },
      { run: 'config current-context', prints: [/^drydock$/m] },
      {
        run: 'get nodes',
        prints: [
          columns('NAME', 'STATUS', 'ROLES', 'AGE', 'VERSION'),
          columns('node-1', 'Ready', '<none>', '\\d+s', 'v1\\.35\\.\\S+'),
        ],
      },
      {
        run: 'get nodes -o wide',
        prints: [/INTERNAL-IP +EXTERNAL-IP +OS-IMAGE +KERNEL-VERSION +CONTAINER-RUNTIME/],
      },
      {
        run: 'describe node node-1',
        prints: [
          /Taints: +<none>/,
          /Ready +True/,
          /kubelet is posting ready status/,
          /PodCIDR: +10\.244\./,
        ],
      },
      {
        run: 'get namespaces',
        prints: [
          columns('default', 'Active', '\\d+s'),
          /kube-system/,
          /kube-public/,
          /kube-node-lease/,
        ],
      },
      {
        run: 'get services',
        prints: [
          columns('kubernetes', 'ClusterIP', '10\\.96\\.0\\.1', '<none>', '443/TCP', '\\d+s'),
        ],
      },
      {
        run: 'explain pod.spec.containers.ports',
        prints: [/FIELD: ports <\[\]ContainerPort>/, /containerPort\s+<integer> -required-/],
      },
      {
        run: 'explain deployment --recursive',
        prints: [/GROUP: +apps/, /maxUnavailable\s+<IntOrString>/],
      },
    ]);
  });

  await t.test('creates each kind that it has a command for', async (t) => {
    await check(t, [
      { run: 'create namespace shop', prints: [/^namespace\/shop created/] },
      {
        run: 'create deployment web --image=nginx:1.27 --replicas=3 --port=80',
        prints: [/^deployment\.apps\/web created/],
      },
      {
        run: 'create configmap settings --from-literal=a=1 --from-literal=b=2',
        prints: [/^configmap\/settings created/],
      },
      {
        run: 'create secret generic token --from-literal=key=value',
        prints: [/^secret\/token created/],
      },
      { run: 'create service clusterip plain --tcp=80:8080', prints: [/^service\/plain created/] },
      { run: 'create service nodeport open --tcp=80:8080', prints: [/^service\/open created/] },
      { run: 'create quota limits --hard=pods=100', prints: [/^resourcequota\/limits created/] },
      {
        run: 'create job once --image=busybox -- echo hello',
        prints: [/^job\.batch\/once created/],
      },
      {
        run: 'create cronjob hourly --image=busybox --schedule=0_*_*_*_* -- date'
          .split(' ')
          .map((a) => a.replaceAll('_', ' ')),
        prints: [/^cronjob\.batch\/hourly created/],
      },
      { run: 'create serviceaccount robot', prints: [/^serviceaccount\/robot created/] },
      {
        run: 'create role reader --verb=get,list --resource=pods',
        prints: [/^role\.rbac\.authorization\.k8s\.io\/reader created/],
      },
      {
        run: 'create rolebinding robot-reads --role=reader --serviceaccount=default:robot',
        prints: [/^rolebinding\.rbac\.authorization\.k8s\.io\/robot-reads created/],
      },
      {
        run: 'create priorityclass high --value=1000',
        prints: [/^priorityclass\.scheduling\.k8s\.io\/high created/],
      },
      {
        run: 'create poddisruptionbudget web --selector=app=web --min-available=1',
        prints: [/^poddisruptionbudget\.policy\/web created/],
      },
      {
        run: 'create ingress front --rule=example.com/*=web:80',
        prints: [/^ingress\.networking\.k8s\.io\/front created/],
      },
      { run: 'create token robot', prints: [/^eyJ[\w-]+\.[\w-]+\.[\w-]+/] },
      { run: 'auth can-i list pods --as system:serviceaccount:default:robot', prints: [/^yes/] },
      {
        run: 'auth can-i delete pods --as system:serviceaccount:default:robot',
        prints: [/^no/],
        fails: true,
      },
      {
        run: 'create deployment web --image=nginx',
        fails: true,
        says: [/deployments\.apps "web" already exists/],
      },
    ]);
  });

  await t.test('waits for a rollout and shows it in every form', async (t) => {
    await check(t, [
      {
        run: 'rollout status deployment/web --timeout=60s',
        prints: [/deployment "web" successfully rolled out/],
      },
      {
        run: 'wait --for=condition=Available deployment/web --timeout=60s',
        prints: [/deployment\.apps\/web condition met/],
      },
      {
        run: 'wait --for=condition=Ready pod -l app=web --timeout=60s',
        prints: [/pod\/web-\S+ condition met/],
      },
      {
        run: 'wait --for=jsonpath={.status.readyReplicas}=3 deployment/web --timeout=60s',
        prints: [/condition met/],
      },
      {
        run: 'get deployments',
        prints: [
          columns('NAME', 'READY', 'UP-TO-DATE', 'AVAILABLE', 'AGE'),
          columns('web', '3/3', '3', '3', '\\S+'),
        ],
      },
      {
        run: 'get rs',
        prints: [
          columns('NAME', 'DESIRED', 'CURRENT', 'READY', 'AGE'),
          columns('web-[0-9a-z]+', '3', '3', '3', '\\S+'),
        ],
      },
      {
        run: 'get pods',
        prints: [
          columns('NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE'),
          columns('web-\\S+', '1/1', 'Running', '0', '\\S+'),
        ],
      },
      {
        run: 'get pods -o wide',
        prints: [
          /IP +NODE +NOMINATED NODE +READINESS GATES/,
          /10\.244\.\d+\.\d+ +node-[123] +<none> +<none>/,
        ],
      },
      { run: 'get pods --show-labels', prints: [/app=web,pod-template-hash=[0-9a-z]+/] },
      { run: 'get pods -l app=web -o name', prints: [/^pod\/web-\S+$/m] },
      {
        run: 'get pods -l app!=web,app',
        prints: [/^$/],
        says: [/No resources found in default namespace\./],
      },
      { run: 'get pods -A --field-selector status.phase=Running', prints: [/^default +web-/m] },
      {
        run: 'get pods -l app=web --sort-by=.spec.nodeName -o custom-columns=NODE:.spec.nodeName,NAME:.metadata.name',
        prints: [/^NODE +NAME\nnode-1 +web-\S+\nnode-2 +web-\S+\nnode-3 +web-\S+/m],
      },
      {
        run: 'get deployment web -o jsonpath={.spec.template.spec.containers[0].image}',
        prints: [/^nginx:1\.27$/],
      },
      {
        run: 'get deployment web -o yaml',
        prints: [
          /^apiVersion: apps\/v1$/m,
          /^ {2}progressDeadlineSeconds: 600$/m,
          /imagePullPolicy: IfNotPresent/,
          /terminationMessagePath: \/dev\/termination-log/,
        ],
      },
      { run: 'get deployment web -o json', prints: [/"maxSurge": "25%"/] },
      {
        run: 'get all',
        prints: [
          /^pod\/web-/m,
          /^service\/kubernetes/m,
          /^deployment\.apps\/web/m,
          /^replicaset\.apps\/web-/m,
          /^job\.batch\/once/m,
          /^cronjob\.batch\/hourly/m,
        ],
      },
      {
        run: 'describe deployment web',
        prints: [
          /StrategyType: +RollingUpdate/,
          /Available +True +MinimumReplicasAvailable/,
          /NewReplicaSet: +web-/,
          /ScalingReplicaSet.*Scaled up replica set web-\S+ from 0 to 3/,
        ],
      },
      {
        run: 'describe pods -l app=web',
        prints: [
          /Successfully assigned default\/web-\S+ to node-/,
          /Controlled By: +ReplicaSet\/web-/,
          /QoS Class: +BestEffort/,
          /kube-api-access-/,
        ],
      },
      {
        run: 'describe service plain',
        prints: [/Type: +ClusterIP/, /IP: +10\.96\./, /TargetPort: +8080\/TCP/],
      },
      { run: 'describe namespace shop', prints: [/Status: +Active/] },
      {
        run: 'get nothing',
        fails: true,
        says: [/the server doesn't have a resource type "nothing"/],
      },
      {
        run: 'get pod nothing',
        fails: true,
        says: [/Error from server \(NotFound\): pods "nothing" not found/],
      },
    ]);
  });

  await t.test('changes a deployment', async (t) => {
    await check(t, [
      { run: 'scale deployment web --replicas=5', prints: [/^deployment\.apps\/web scaled/] },
      { run: 'rollout status deployment/web --timeout=60s', prints: [/successfully rolled out/] },
      {
        run: 'expose deployment web --port=80 --target-port=80',
        prints: [/^service\/web exposed/],
      },
      {
        run: 'autoscale deployment web --min=2 --max=6 --cpu=80%',
        prints: [/^horizontalpodautoscaler\.autoscaling\/web autoscaled/],
      },
      {
        run: 'set image deployment/web nginx=nginx:1.28',
        prints: [/^deployment\.apps\/web image updated/],
      },
      { run: 'rollout status deployment/web --timeout=60s', prints: [/successfully rolled out/] },
      {
        run: 'rollout history deployment/web',
        prints: [/REVISION +CHANGE-CAUSE/, /^1 +<none>/m, /^2 +<none>/m],
      },
      { run: 'rollout undo deployment/web', prints: [/^deployment\.apps\/web rolled back/] },
      { run: 'rollout status deployment/web --timeout=60s', prints: [/successfully rolled out/] },
      {
        run: 'get deployment web -o jsonpath={.spec.template.spec.containers[0].image}',
        prints: [/^nginx:1\.27$/],
      },
      { run: 'rollout pause deployment/web', prints: [/^deployment\.apps\/web paused/] },
      { run: 'set env deployment/web COLOR=blue', prints: [/^deployment\.apps\/web env updated/] },
      {
        run: 'set resources deployment/web --limits=cpu=200m,memory=64Mi',
        prints: [/^deployment\.apps\/web resource requirements updated/],
      },
      { run: 'rollout resume deployment/web', prints: [/^deployment\.apps\/web resumed/] },
      { run: 'rollout status deployment/web --timeout=60s', prints: [/successfully rolled out/] },
      { run: 'rollout restart deployment/web', prints: [/^deployment\.apps\/web restarted/] },
      { run: 'rollout status deployment/web --timeout=60s', prints: [/successfully rolled out/] },
      { run: 'label deployment web tier=front', prints: [/^deployment\.apps\/web labeled/] },
      { run: 'annotate deployment web note=hello', prints: [/^deployment\.apps\/web annotated/] },
      {
        run: ['patch', 'deployment', 'web', '-p', '{"spec":{"replicas":2}}'],
        prints: [/^deployment\.apps\/web patched/],
      },
      {
        run: [
          'patch',
          'deployment',
          'web',
          '--type=json',
          '-p',
          '[{"op":"replace","path":"/spec/replicas","value":3}]',
        ],
        prints: [/patched/],
      },
      {
        run: [
          'patch',
          'deployment',
          'web',
          '--type=merge',
          '-p',
          '{"metadata":{"labels":{"tier":null}}}',
        ],
        prints: [/patched/],
      },
      {
        run: [
          'patch',
          'deployment',
          'web',
          '--type=json',
          '-p',
          '[{"op":"test","path":"/spec/replicas","value":9}]',
        ],
        fails: true,
        says: [/the server rejected our request due to an error in our request/],
      },
      {
        run: [
          'patch',
          'deployment',
          'web',
          '--subresource=scale',
          '--type=merge',
          '-p',
          '{"spec":{"replicas":2}}',
        ],
        prints: [/scale\.autoscaling\/web patched/],
      },
      {
        run: 'get endpoints web',
        prints: [columns('NAME', 'ENDPOINTS', 'AGE')],
        says: [/v1 Endpoints is deprecated in v1\.33\+/],
      },
      {
        run: 'get endpointslices -l kubernetes.io/service-name=web',
        prints: [/web-\S+ +IPv4 +80 +10\.244\./],
      },
    ]);
  });

  await t.test('applies, compares, replaces and prunes', async (t) => {
    const file = join(cluster.dataDir, 'app.yaml');
    const manifest = (value: string, name = 'app') =>
      `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  labels: {set: app}\ndata:\n  key: ${value}\n`;
    writeFileSync(file, manifest('one'));
    const server = ['apply', '--server-side', '-f', file];
    await check(t, [
      {
        run: ['apply', '-f', file, '--dry-run=server'],
        prints: [/^configmap\/app created \(server dry run\)/],
      },
      { run: 'get configmap app', fails: true },
      { run: ['apply', '-f', file], prints: [/^configmap\/app created/] },
      { run: ['apply', '-f', file], prints: [/^configmap\/app unchanged/] },
      { run: ['diff', '-f', file], prints: [/^$/] },
      {
        run: ['diff', '-f', '-'],
        options: { input: manifest('two') },
        fails: true,
        prints: [/^-\s+key: one$/m, /^\+\s+key: two$/m],
      },
      {
        run: ['apply', '-f', '-'],
        options: { input: manifest('two') },
        prints: [/^configmap\/app configured/],
      },
      { run: ['replace', '-f', file], prints: [/^configmap\/app replaced/] },
      {
        run: ['apply', '--server-side', '--field-manager=other', '-f', '-'],
        options: { input: manifest('three') },
        fails: true,
        says: [
          /Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1: \.data\.key|Apply failed with 1 conflict: conflict with "kubectl-replace" using v1: \.data\.key/,
        ],
      },
      { run: [...server, '--force-conflicts'], prints: [/^configmap\/app serverside-applied/] },
      { run: 'get configmap app -o jsonpath={.data.key}', prints: [/^one$/] },
      { run: ['apply', '-f', file], prints: [/^configmap\/app (configured|unchanged)/] },
      {
        run: ['apply', '-f', '-', '--prune', '-l', 'set=app'],
        options: { input: manifest('one', 'other') },
        prints: [/configmap\/other created/, /configmap\/app pruned/],
      },
      {
        run: 'edit configmap other',
        options: { env: { KUBE_EDITOR: 'sed -i s/one/edited/' } },
        prints: [/^configmap\/other edited/],
      },
      { run: 'get configmap other -o jsonpath={.data.key}', prints: [/^edited$/] },
      {
        run: ['apply', '-f', '-'],
        options: {
          input: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\ndata: {a: 1}\n',
        },
        fails: true,
        says: [/cannot unmarshal number into Go struct field ConfigMap\.data of type string/],
      },
      {
        run: ['create', '-f', '-'],
        options: { input: 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad}\nspec: {}\n' },
        fails: true,
        says: [/strict decoding error: unknown field "spec"/],
      },
      {
        run: ['apply', '-f', '-'],
        options: {
          input: 'apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: old}\n',
        },
        fails: true,
        says: [/no matches for kind "Ingress" in version "extensions\/v1beta1"/],
      },
    ]);
  });

  await t.test('runs a pod and reads what it printed', async (t) => {
    await check(t, [
      {
        run: [
          'run',
          'greeter',
          '--image=busybox',
          '--restart=Never',
          '--',
          'sh',
          '-c',
          'echo hello; echo world',
        ],
        prints: [/^pod\/greeter created/],
      },
      {
        run: 'wait --for=jsonpath={.status.phase}=Succeeded pod/greeter --timeout=60s',
        prints: [/condition met/],
      },
      { run: 'get pod greeter', prints: [columns('greeter', '0/1', 'Completed', '0', '\\S+')] },
      { run: 'logs greeter', prints: [/^hello\nworld$/m] },
      { run: 'logs greeter --tail=1', prints: [/^world\n$/] },
      { run: 'logs greeter --timestamps', prints: [/^\d{4}-\d\d-\d\dT\S+Z hello$/m] },
      {
        run: 'logs greeter -c nothing',
        fails: true,
        says: [/container nothing is not valid for pod greeter/],
      },
      { run: 'wait --for=condition=Complete job/once --timeout=60s', prints: [/condition met/] },
      { run: 'events --for pod/greeter', prints: [/Scheduled/, /Started/] },
      {
        run: 'get events --field-selector involvedObject.name=greeter',
        prints: [columns('LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE')],
      },
    ]);
  });

  await t.test(
    'resizes a pod in place, restarts it where it wants that, or says why not',
    async (t) => {
      const container = {
        name: 'c',
        image: 'nginx',
        resources: { requests: { cpu: '100m', memory: '64Mi' }, limits: { memory: '128Mi' } },
        resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }],
      };
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'grows' },
        spec: { restartPolicy: 'Always', containers: [container] },
      };
      const resize = (resources: object): Row => ({
        run: [
          ...['patch', 'pod', 'grows', '--subresource=resize', '-p'],
          JSON.stringify({ spec: { containers: [{ name: 'c', resources }] } }),
        ],
        prints: [/^pod\/grows patched/],
      });
      const shows = (path: string, value: string): Row => ({
        run: `wait --for=jsonpath={.status.${path}}=${value} pod/grows --timeout=60s`,
        prints: [/condition met/],
      });
      const was = (path: string) => `containerStatuses[0].${path}`;
      const pending = 'conditions[?(@.type=="PodResizePending")]';
      await check(t, [
        { run: 'create -f -', options: { input: JSON.stringify(pod) }, prints: [/created/] },
        shows('phase', 'Running'),
        resize({ requests: { cpu: '200m' } }),
        shows(was('resources.requests.cpu'), '200m'),
        shows(was('restartCount'), '0'),
        resize({ requests: { memory: '128Mi' }, limits: { memory: '256Mi' } }),
        shows(was('restartCount'), '1'),
        resize({ requests: { cpu: '1000' } }),
        shows(`${pending}.reason`, 'Infeasible'),
        shows(was('resources.requests.cpu'), '200m'),
        { run: 'events --for pod/grows', prints: [/ResizeCompleted/, /ResizeInfeasible/] },
        { run: 'delete pod grows', prints: [/pod "grows" deleted/] },
      ]);
    },
  );

  await t.test('leaves to the system what is its own', async (t) => {
    await check(t, [
      {
        run: 'delete priorityclass system-node-critical',
        fails: true,
        says: [/this is a system priority class and cannot be deleted/],
      },
      { run: 'delete service kubernetes', prints: [/service "kubernetes" deleted/] },
    ]);
    await eventually(
      'it is there again',
      async () => (await cluster.kubectl('get service kubernetes')).code === 0,
    );
  });

  await t.test('a server without a restart policy runs on', async (t) => {
    await check(t, [
      { run: 'run once-only --image=nginx --restart=Never', prints: [/created/] },
      { run: 'wait --for=condition=Ready pod/once-only --timeout=60s', prints: [/condition met/] },
      {
        run: ['patch', 'pod', 'once-only', '-p', '{"spec":{"activeDeadlineSeconds":"x"}}'],
        fails: true,
        says: [
          /^The request is invalid: patch: Invalid value: "map\[spec:map\[activeDeadlineSeconds:x\]\]": unrecognized type: int64/,
        ],
      },
      { run: 'get pod once-only', prints: [columns('once-only', '1/1', 'Running', '0', '\\S+')] },
      { run: 'delete pod once-only', prints: [/deleted/] },
    ]);
  });

  await t.test('watches changes as they come', async (t) => {
    const watching = cluster.kubectl('get configmaps -w --request-timeout=4s -o name', {
      timeoutMs: 15_000,
    });
    await eventually('the watch is open', () => true);
    await cluster.kubectl('create configmap watched');
    await cluster.kubectl('delete configmap watched');
    t.match((await watching).stdout, /^configmap\/watched$/m);
  });

  await t.test('takes nodes out of service and back', async (t) => {
    await check(t, [
      { run: 'cordon node-1', prints: [/^node\/node-1 cordoned/] },
      { run: 'get node node-1', prints: [/Ready,SchedulingDisabled/] },
      {
        run: 'drain node-1 --ignore-daemonsets --force --timeout=60s',
        prints: [/node\/node-1 drained/],
      },
      { run: 'get pods -l app=web --field-selector spec.nodeName=node-1', prints: [/^$/] },
      { run: 'uncordon node-1', prints: [/^node\/node-1 uncordoned/] },
      { run: 'taint node node-1 key=value:NoSchedule', prints: [/^node\/node-1 tainted/] },
      { run: 'describe node node-1', prints: [/Taints: +key=value:NoSchedule/] },
      { run: 'taint node node-1 key-', prints: [/^node\/node-1 untainted/] },
    ]);
  });

  await t.test('tells why a pod is not scheduled', async (t) => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'huge' },
      spec: { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1000' } } }] },
    };
    await check(t, [
      { run: 'create -f -', options: { input: JSON.stringify(pod) }, prints: [/created/] },
    ]);
    await eventually('the event', async () =>
      /FailedScheduling.*0\/3 nodes are available: 3 Insufficient cpu\. no new claims to deallocate, preemption: 0\/3 nodes are available: 3 (No preemption victims found for incoming pod|Preemption is not helpful for scheduling)\./.test(
        (await cluster.kubectl('describe pod huge')).stdout,
      ),
    );
    await check(t, [
      { run: 'get pod huge', prints: [columns('huge', '0/1', 'Pending', '0', '\\S+')] },
      { run: 'delete pod huge --now', prints: [/pod "huge" deleted/] },
    ]);
  });

  await t.test('deletes, with what belongs to it or without', async (t) => {
    await check(t, [
      { run: 'delete deployment web --cascade=orphan', prints: [/deployment\.apps "web" deleted/] },
      { run: 'get rs', prints: [/^web-/m] },
      {
        run: 'delete rs --all --cascade=foreground',
        prints: [/replicaset\.apps "web-\S+" deleted/],
      },
    ]);
    await eventually(
      'the pods are gone',
      async () => (await cluster.get<{ items: [] }>('pods -l app=web')).items.length === 0,
    );
    await check(t, [
      { run: 'run brief --image=nginx', prints: [/^pod\/brief created/] },
      {
        run: 'delete pod brief --force --grace-period=0',
        prints: [/pod "brief" force deleted/],
      },
      { run: 'create deployment gone --image=nginx -n shop', prints: [/created/] },
      { run: 'delete namespace shop --timeout=60s', prints: [/namespace "shop" deleted/] },
      { run: 'get deployments -n shop', says: [/No resources found in shop namespace\./] },
      { run: 'create configmap late -n shop', fails: true, says: [/namespaces "shop" not found/] },
    ]);
  });
});
