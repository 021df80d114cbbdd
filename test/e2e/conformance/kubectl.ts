/** What the real kubectl makes, shows and changes, and the proxy that it is. */
import { spawn } from 'node:child_process';
import { request } from 'node:http';
import { join } from 'node:path';
import type {
  V1Endpoints,
  V1Pod,
  V1ReplicationController,
  V1Service,
} from '@kubernetes/client-node';
import { binaries } from '../../support/binaries.js';
import { type Clause, has, podSpec, podTemplate, type World } from '../../support/clause.js';
import { nameOf } from '../../support/kube.js';
import type { RunOptions } from '../../support/run.js';

const IMAGE = 'httpd:2.4-alpine';
const OTHER_IMAGE = 'busybox:1.36';

type Args = string | readonly string[];

/** What kubectl prints in the clause's namespace. Throws what it says where it fails. */
export async function kubectl(w: World, args: Args, options: RunOptions = {}): Promise<string> {
  const words = typeof args === 'string' ? args.split(' ') : args;
  const answer = await w.cluster.kubectl(['-n', w.namespace, ...words], options);
  if (answer.code !== 0) throw new Error(`kubectl ${words.join(' ')}: ${answer.stderr}`);
  return answer.stdout;
}

function controller(name: string, replicas: number): V1ReplicationController {
  return {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    metadata: { name, labels: { app: name, role: 'primary' } },
    spec: {
      replicas,
      selector: { app: name },
      template: podTemplate(name, {
        containers: [{ name: 'main', image: IMAGE, ports: [{ containerPort: 6379 }] }],
      }),
    },
  };
}

async function create(w: World, object: object): Promise<string> {
  return kubectl(w, 'create -f -', { input: JSON.stringify(object) });
}

function imageOf(pod: V1Pod): string | undefined {
  return pod.spec?.containers[0]?.image;
}

/** Each line stands in the text, with any blanks where there are some. */
function prints({ t }: World, text: string, lines: readonly string[]): void {
  const flat = text.replaceAll(/[ \t]+/g, ' ');
  for (const line of lines) t.ok(flat.includes(line), `${line} is in:\n${text}`);
}

/** The Service forwards `port` to 6379 of the pod that is there. */
async function exposes(w: World, name: string, port: number, podIP: string | undefined) {
  const service = await w.at<V1Service>('v1', 'services').get(name);
  const [found] = service.spec?.ports ?? [];
  w.t.match(found, { port, targetPort: 6379 });
  await w.until(`endpoints of ${name}`, async () => {
    const { subsets = [] } = await w.at<V1Endpoints>('v1', 'endpoints').get(name);
    const [{ addresses = [], ports = [] } = {}] = subsets;
    return addresses[0]?.ip === podIP && ports[0]?.port === 6379;
  });
}

/** Starts `kubectl proxy` and resolves to what it says that it serves on. */
function proxy(w: World, args: readonly string[]): Promise<string> {
  const found = binaries();
  if (typeof found === 'string') throw new Error(found);
  const child = spawn(found.kubectl, ['proxy', ...args], {
    env: { ...process.env, KUBECONFIG: w.cluster.kubeconfig },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  w.t.teardown(async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.kill()) await ended;
  });
  return new Promise((resolve, reject) => {
    let text = '';
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`kubectl proxy ended with ${code}`)));
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const place = /Starting to serve on (\S+)\n/.exec(text)?.[1];
      if (place !== undefined) resolve(place);
    });
  });
}

function read(options: { socketPath: string } | { port: string; host: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request({ ...options, path: '/api/' }, (res) => {
      let text = '';
      res.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      res.once('end', () => resolve(text));
    });
    sent.once('error', reject);
    sent.end();
  });
}

function hasVersions({ t }: World, text: string): void {
  t.match(JSON.parse(text), { kind: 'APIVersions', versions: ['v1'] });
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

export const kubectlClauses: readonly Clause[] = [
  {
    title: 'Kubectl, check version v1',
    run: async (w) => {
      w.t.ok(lines(await kubectl(w, 'api-versions')).includes('v1'));
    },
  },
  {
    title: 'Kubectl, cluster info',
    run: async (w) => {
      const text = await kubectl(w, 'cluster-info');
      w.t.match(text, /Kubernetes control plane.* is running at .*https:\/\//);
    },
  },
  {
    title: 'Kubectl, version',
    run: async (w) => {
      const text = await kubectl(w, 'version');
      w.t.match(text, /^Client Version: v1\.35\.\d+/m);
      w.t.match(text, /^Server Version: v1\.35\.\d+/m);
      const { clientVersion, serverVersion } = JSON.parse(await kubectl(w, 'version -o json'));
      for (const version of [clientVersion, serverVersion]) {
        w.t.match(version, {
          major: '1',
          minor: /^35/,
          gitVersion: /^v1\.35\.\d+/,
          gitCommit: /./,
          gitTreeState: /./,
          buildDate: /./,
          goVersion: /./,
          compiler: /./,
          platform: /.\/./,
        });
      }
    },
  },
  {
    title: 'Kubectl, describe pod or rc',
    run: async (w) => {
      const name = 'agnhost-primary';
      await create(w, controller(name, 1));
      await create(w, {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name, labels: { app: name, role: 'primary' } },
        spec: { selector: { app: name }, ports: [{ port: 6379 }] },
      });
      const [pod] = await w.ready(1);
      const podName = nameOf(pod ?? {});
      const node = pod?.spec?.nodeName ?? '';
      prints(w, await kubectl(w, ['describe', 'pod', podName]), [
        `Name: ${podName}`,
        `Namespace: ${w.namespace}`,
        `Node: ${node}/`,
        `Labels: app=${name}`,
        'Status: Running',
        `IP: ${pod?.status?.podIP}`,
        `Controlled By: ReplicationController/${name}`,
        `Image: ${IMAGE}`,
        'State: Running',
        'QoS Class: BestEffort',
      ]);
      prints(w, await kubectl(w, ['describe', 'rc', name]), [
        `Name: ${name}`,
        `Namespace: ${w.namespace}`,
        `Selector: app=${name}`,
        `Labels: app=${name}\n role=primary`,
        'Annotations: <none>',
        'Replicas: 1 current / 1 desired',
        'Pods Status: 1 Running / 0 Waiting / 0 Succeeded / 0 Failed',
        'Pod Template:',
        `Image: ${IMAGE}`,
        'Events:',
        'SuccessfulCreate',
      ]);
      prints(w, await kubectl(w, ['describe', 'service', name]), [
        `Name: ${name}`,
        `Namespace: ${w.namespace}`,
        `Labels: app=${name}\n role=primary`,
        'Annotations: <none>',
        `Selector: app=${name}`,
        'Type: ClusterIP',
        'IP: 10.',
        'Port: <unset> 6379/TCP',
        `Endpoints: ${pod?.status?.podIP}:6379`,
        'Session Affinity: None',
      ]);
      prints(w, await kubectl(w, ['describe', 'node', node]), [
        `Name: ${node}`,
        'Labels:',
        'Annotations:',
        'CreationTimestamp:',
        'Conditions:',
        'Type Status LastHeartbeatTime LastTransitionTime Reason Message',
        'Addresses:',
        'Capacity:',
        'Version:',
        'Kernel Version:',
        'OS Image:',
        'Container Runtime Version:',
        'Kubelet Version:',
        'Pods:',
        podName,
      ]);
      prints(w, await kubectl(w, ['describe', 'namespace', w.namespace]), [
        `Name: ${w.namespace}`,
        'Labels:',
        'Annotations:',
        'Status: Active',
      ]);
    },
  },
  {
    title: 'Kubectl, diff Deployment',
    run: async (w) => {
      const web = (image: string) => ({
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: 'web' },
        spec: {
          replicas: 1,
          selector: { matchLabels: { app: 'web' } },
          template: podTemplate('web', { containers: [{ name: 'main', image }] }),
        },
      });
      await create(w, web(IMAGE));
      const input = JSON.stringify(web(OTHER_IMAGE));
      const diff = ['-n', w.namespace, 'diff', '-f', '-'];
      const { code, stdout, stderr } = await w.cluster.kubectl(diff, { input });
      w.t.equal(code, 1, stderr);
      w.t.match(stdout, new RegExp(`^-.*image: ${IMAGE}$`, 'm'));
      w.t.match(stdout, new RegExp(`^\\+.*image: ${OTHER_IMAGE}$`, 'm'));
    },
  },
  {
    title: 'Kubectl, create service, replication controller',
    run: async (w) => {
      await create(w, controller('primary', 1));
      const [pod] = await w.ready(1);
      const ip = pod?.status?.podIP;
      await kubectl(w, 'expose rc primary --name=rm2 --port=1234 --target-port=6379');
      await exposes(w, 'rm2', 1234, ip);
      await kubectl(w, 'expose service rm2 --name=rm3 --port=2345 --target-port=6379');
      await exposes(w, 'rm3', 2345, ip);
    },
  },
  {
    title: 'Kubectl, label update',
    run: async (w) => {
      await create(w, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'web' },
        spec: podSpec(),
      });
      await w.ready(1);
      await kubectl(w, 'label pods web testing-label=testing-value');
      const label = 'get pod web -L testing-label';
      w.t.match(await kubectl(w, label), /testing-value/);
      const bySelector = 'get pod -l testing-label=testing-value -o name';
      w.t.equal(await kubectl(w, bySelector), 'pod/web\n');
      await kubectl(w, 'label pods web testing-label-');
      w.t.notMatch(await kubectl(w, label), /testing-value/);
      w.t.equal(await kubectl(w, bySelector), '');
    },
  },
  {
    title: 'Kubectl, patch to annotate',
    run: async (w) => {
      await create(w, controller('primary', 2));
      const patch = '{"metadata":{"annotations":{"x":"y"}}}';
      for (const pod of await w.ready(2)) {
        await kubectl(w, ['patch', 'pod', nameOf(pod), '-p', patch]);
      }
      for (const { metadata } of await w.ready(2)) w.t.equal(metadata?.annotations?.['x'], 'y');
    },
  },
  {
    title: 'Kubectl, replace',
    run: async (w) => {
      await kubectl(w, ['run', 'web', `--image=${IMAGE}`, '--labels=run=web']);
      const [before] = await w.ready(1, 'run=web');
      const change = async (from: string, to: string) =>
        (await kubectl(w, 'get pod web -o json')).replaceAll(from, to);
      await kubectl(w, 'replace -f -', { input: await change(IMAGE, 'httpd:2.4') });
      const after = await w.pods.get('web');
      w.t.equal(imageOf(after), 'httpd:2.4');
      w.t.equal(after.metadata?.uid, before?.metadata?.uid);
      await w.until('the container runs the new image', async () => {
        const [status] = (await w.pods.get('web')).status?.containerStatuses ?? [];
        return status?.state?.running !== undefined && status.image.includes('httpd:2.4');
      });
      await kubectl(w, 'replace --force -f -', { input: await change('httpd:2.4', OTHER_IMAGE) });
      const anew = await w.pods.get('web');
      w.t.equal(imageOf(anew), OTHER_IMAGE);
      w.t.not(anew.metadata?.uid, before?.metadata?.uid, 'it was made anew');
    },
  },
  {
    title: 'Kubectl, run pod',
    run: async (w) => {
      await kubectl(w, ['run', 'web', '--restart=Never', `--image=${IMAGE}`]);
      const pod = await w.pods.get('web');
      w.t.equal(pod.spec?.containers.length, 1);
      w.t.equal(imageOf(pod), IMAGE);
      w.t.equal(pod.spec?.restartPolicy, 'Never');
    },
  },
  {
    title: 'Kubectl, server-side dry-run Pod',
    run: async (w) => {
      await kubectl(w, ['run', 'web', `--image=${IMAGE}`]);
      w.t.equal(imageOf(await w.pods.get('web')), IMAGE);
      const patch = `{"spec":{"containers":[{"name":"web","image":"${OTHER_IMAGE}"}]}}`;
      const dry = ['patch', 'pod', 'web', '-p', patch, '--dry-run=server', '-o', 'json'];
      w.t.equal(imageOf(JSON.parse(await kubectl(w, dry))), OTHER_IMAGE);
      w.t.equal(imageOf(await w.pods.get('web')), IMAGE);
    },
  },
  {
    title: 'Kubectl, proxy socket',
    run: async (w) => {
      const socketPath = join(w.cluster.dataDir, 'proxy.sock');
      w.t.equal(await proxy(w, [`--unix-socket=${socketPath}`]), socketPath);
      hasVersions(w, await read({ socketPath }));
    },
  },
  {
    title: 'Kubectl, proxy port zero',
    run: async (w) => {
      const [host = '', port = ''] = (await proxy(w, ['--port=0', '--disable-filter=true'])).split(
        ':',
      );
      w.t.ok(Number(port) > 0, port);
      hasVersions(w, await read({ host, port }));
    },
  },
  {
    title: 'Kubectl, replication controller',
    run: async (w) => {
      await create(w, controller('nautilus', 2));
      const pods = await w.ready(2, 'app=nautilus');
      for (const pod of pods) w.t.equal(imageOf(pod), IMAGE);
      const names = 'get pods -l app=nautilus -o name';
      w.t.equal(lines(await kubectl(w, names)).length, 2);
      await kubectl(w, 'delete rc nautilus --grace-period=0 --force');
      await w.until('none is left', async () => (await kubectl(w, names)) === '');
    },
  },
  {
    title: 'Kubectl, scale replication controller',
    run: async (w) => {
      await create(w, controller('nautilus', 2));
      await w.ready(2, 'app=nautilus');
      for (const count of [1, 2]) {
        await kubectl(w, `scale rc nautilus --replicas=${count} --timeout=5m`);
        await w.ready(count, 'app=nautilus');
      }
    },
  },
  {
    title: 'Kubectl, logs',
    run: async (w) => {
      const script = 'n=0; while [ $n -lt 100 ]; do echo "line $n"; n=$((n+1)); sleep 0.2; done';
      const run = ['run', 'logs', '--image=busybox', '--restart=Never', '--', 'sh', '-c', script];
      await kubectl(w, run);
      await w.until('it runs', async () => has(await w.pods.get('logs'), 'Ready'));
      await w.until('a line', async () => (await kubectl(w, 'logs logs')).includes('line 0\n'));

      w.t.match(await kubectl(w, 'logs logs --tail=1'), /^line \d+\n$/);
      w.t.equal((await kubectl(w, 'logs logs logs --limit-bytes=1')).length, 1);
      const [stamp = '', ...rest] = (await kubectl(w, 'logs logs --tail=1 --timestamps')).split(
        ' ',
      );
      w.t.match(stamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
      w.t.match(rest.join(' '), /^line \d+\n$/);
      await w.until('lines that are older than a second', async () => {
        const recent = lines(await kubectl(w, 'logs logs --since=1s'));
        const all = lines(await kubectl(w, 'logs logs --since=24h'));
        w.t.equal(all[0], 'line 0', 'a day holds all of them');
        return recent.length > 0 && recent.length < all.length && !recent.includes('line 0');
      });
    },
  },
];
