/**
 * Metrics, autoscaling and extension API servers, as kubectl shows them: usage that annotations set, an
 * autoscaler that follows a load out and back, and an API that another process serves.
 */
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { ExtensionServer } from '../support/extension-server.js';

t.setTimeout(300_000);

const cluster = await Cluster.start(t, ['--nodes', '2']);

interface Autoscaler {
  status?: {
    currentReplicas?: number;
    desiredReplicas: number;
    conditions?: { type: string; status: string; reason: string; message: string }[];
  };
}

async function apply(t: Test, ...objects: object[]): Promise<void> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const { code, stderr } = await cluster.kubectl('apply -f -', { input });
  t.equal(code, 0, stderr);
}

/** What kubectl prints once it looks like this. */
function shows(args: string, looks: RegExp, what: string): Promise<string> {
  return eventually(
    what,
    async () => {
      const { stdout, stderr } = await cluster.kubectl(args);
      if (!looks.test(stdout)) throw new Error(stdout + stderr);
      return stdout;
    },
    60_000,
  );
}

const labels = { run: 'php-apache' };
const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'php-apache' },
  spec: {
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        containers: [
          {
            name: 'php-apache',
            image: 'registry.k8s.io/hpa-example',
            resources: { requests: { cpu: '200m' }, limits: { cpu: '500m' } },
          },
          {
            name: 'side',
            image: 'registry.k8s.io/pause',
            resources: { requests: { cpu: '10m' } },
          },
        ],
      },
    },
  },
};
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'php-apache' },
  spec: { ports: [{ port: 80 }], selector: labels },
};

t.test('kubectl top shows what nodes, pods and containers use', async (t) => {
  await apply(t, deployment, service);
  await shows('top nodes', /^node-1 +\d+m +\d+% +\d+Mi +\d+%/m, 'nodes with their usage');
  await shows('top pods', /^php-apache-\S+ +\d+m +16Mi/m, 'the pod with its usage');
  const annotate = 'annotate pods -l run=php-apache drydock.dev/side.memory=64Mi';
  t.equal((await cluster.kubectl(annotate)).code, 0);
  await shows(
    'top pods --containers -l run=php-apache',
    /^php-apache-\S+ +side +1m +64Mi/m,
    'a change while the container runs',
  );
  const apiServices = (await cluster.kubectl('get apiservices')).stdout;
  t.match(apiServices, /^v1beta1\.metrics\.k8s\.io +Local +True/m);
  t.match(apiServices, /^v1\. +Local +True/m);
  const all = (await cluster.kubectl('get pods.metrics.k8s.io -A -l run=php-apache')).stdout;
  t.match(all, /NAMESPACE +NAME +CPU +MEMORY +WINDOW\ndefault +php-apache-/);
  const none = await cluster.kubectl('get --raw /apis/metrics.k8s.io/v1beta1/nodes/none');
  t.match(none.stderr, /nodes "none" not found/);
  const may = 'auth can-i list pods.metrics.k8s.io --as=ann -n default';
  t.match((await cluster.kubectl(may)).stdout, /^no/);
  await cluster.kubectl('create rolebinding ann --clusterrole=view --user=ann');
  t.match((await cluster.kubectl(may)).stdout, /^yes/, 'whoever may view, may see metrics');
});

t.test('an autoscaler follows the load of a Service out and back', async (t) => {
  await apply(t, {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'php-apache' },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'php-apache' },
      minReplicas: 1,
      maxReplicas: 6,
      metrics: [
        {
          type: 'ContainerResource',
          containerResource: {
            name: 'cpu',
            container: 'php-apache',
            target: { type: 'Utilization', averageUtilization: 50 },
          },
        },
      ],
      behavior: { scaleDown: { stabilizationWindowSeconds: 5 } },
    },
  });
  const replicas = () => cluster.get<Autoscaler>('hpa php-apache').then((hpa) => hpa.status);
  await cluster.kubectl('annotate service php-apache drydock.dev/load.cpu=400m');
  await eventually(
    'four or five pods at a target of 100m each',
    async () => {
      const status = await replicas();
      if (![4, 5].includes(status?.currentReplicas ?? 0)) throw new Error(JSON.stringify(status));
      return true;
    },
    60_000,
  );
  await cluster.kubectl('annotate service php-apache drydock.dev/load.cpu-');
  await eventually(
    'one pod again',
    async () => {
      const status = await replicas();
      if (status?.currentReplicas !== 1) throw new Error(JSON.stringify(status));
      return true;
    },
    60_000,
  );
  const story = (await cluster.kubectl('describe hpa php-apache')).stdout;
  t.match(
    story,
    /SuccessfulRescale .*New size: \d; reason: cpu container resource utilization \(percentage of request\) above target/,
  );
  t.match(story, /SuccessfulRescale .*New size: \d; reason: All metrics below target/);
  t.match(story, /ScalingActive +True +ValidMetricFound/);
});

t.test('an API that an extension server serves', async (t) => {
  const pki = join(cluster.dataDir, 'pki');
  const extension = await ExtensionServer.start(pki, 'wardle.default.svc');
  t.teardown(() => extension.stop());
  const apiService = (group: string, version: string) => ({
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `${version}.${group}` },
    spec: {
      group,
      version,
      groupPriorityMinimum: 1000,
      versionPriority: 15,
      caBundle: extension.caBundle,
      service: { namespace: 'default', name: 'wardle', port: extension.port },
    },
  });
  const NAME = 'v1.wardle.example.com';
  await apply(t, apiService('wardle.example.com', 'v1'));
  await shows(`get apiservice ${NAME}`, /False \(ServiceNotFound\)/, 'a Service that is missing');
  const missing = await cluster.kubectl('get --raw /apis/wardle.example.com/v1');
  t.match(missing.stderr, /the server is currently unable to handle the request/);

  await apply(t, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'wardle' },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  });
  await shows(
    `get apiservice ${NAME}`,
    /default\/wardle +True/,
    'an extension server that answers',
  );
  t.match(
    (await cluster.kubectl('get fl')).stdout,
    /^one +/m,
    'its short names are known, its objects come',
  );
  t.match(
    (await cluster.kubectl('api-resources')).stdout,
    /flunders +fl +wardle\.example\.com\/v1 +true/,
  );
  const explained = await cluster.kubectl('explain flunders');
  t.match(explained.stdout, /A flunder, whatever that is/, explained.stderr);
  const v2 = (await cluster.kubectl('get --raw /openapi/v2')).stdout;
  t.match(v2, /com\.example\.wardle\.v1\.Flunder/);
  const asked = extension.asked.find(({ url }) => url.includes('/namespaces/default/flunders'));
  t.match(asked, { method: 'GET', user: 'kubernetes-admin', authorization: false });
  t.ok(asked?.groups.includes('system:masters'));
  const refused = await cluster.kubectl('get fl --as=bob');
  t.match(
    refused.stderr,
    /User "bob" cannot list resource "flunders" in API group "wardle\.example\.com"/,
  );
  const redirect = await cluster.kubectl('get --raw /apis/wardle.example.com/v1/redirect');
  t.match(redirect.stderr, /attempted to redirect this request, which is not permitted/);

  t.equal(await upgraded(pki, await cluster.apiUrl()), 'hello kubernetes-admin\nping');

  extension.queueLength = 90;
  await apply(
    t,
    apiService('external.metrics.k8s.io', 'v1beta1'),
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'worker' },
      spec: {
        selector: { matchLabels: { app: 'worker' } },
        template: {
          metadata: { labels: { app: 'worker' } },
          spec: { containers: [{ name: 'worker', image: 'worker' }] },
        },
      },
    },
    {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'worker' },
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'worker' },
        maxReplicas: 5,
        metrics: [
          {
            type: 'External',
            external: {
              metric: { name: 'queue-length' },
              target: { type: 'AverageValue', averageValue: '30' },
            },
          },
        ],
      },
    },
  );
  await shows(
    'get hpa worker',
    /Deployment\/worker +30\/30 \(avg\) +1 +5 +3 /,
    'three workers for a queue of ninety',
  );

  await extension.stop();
  const gone = await cluster.kubectl('get --raw /apis/wardle.example.com/v1');
  t.match(gone.stderr, /unable to handle the request|error trying to reach service/);
  await shows(`get apiservice ${NAME}`, /False \(FailedDiscoveryCheck\)/, 'one that has gone');
  t.match((await cluster.kubectl('get pods')).code, 0, 'the rest of the API stays');
  await shows(
    'get hpa worker',
    /Deployment\/worker +<unknown>\/30 \(avg\) +1 +5 +3 /,
    'a metric that is unknown, and replicas that stay',
  );
  t.match(
    (await cluster.kubectl('describe hpa worker')).stdout,
    /ScalingActive +False +FailedGetExternalMetric .*Warning +FailedGetExternalMetric/s,
  );
  t.equal((await cluster.kubectl(`delete apiservice ${NAME}`)).code, 0);
  await eventually('the group goes', async () => {
    const { stderr } = await cluster.kubectl('get --raw /apis/wardle.example.com/v1');
    if (!/could not find the requested resource/.test(stderr)) throw new Error(stderr);
    return true;
  });
});

/** What comes back over a connection that leaves HTTP, after a greeting has been sent. */
function upgraded(pki: string, url: string): Promise<string> {
  const read = (file: string) => readFileSync(join(pki, file));
  return new Promise((resolve, reject) => {
    const outgoing = request(`${url}/apis/wardle.example.com/v1/namespaces/default/flunders/one`, {
      ca: read('ca.crt'),
      cert: read('admin.crt'),
      key: read('admin.key'),
      headers: { Connection: 'Upgrade', Upgrade: 'websocket' },
    });
    outgoing.on('error', reject);
    outgoing.on('response', (answer) => reject(new Error(`no upgrade: ${answer.statusCode}`)));
    outgoing.on('upgrade', (_answer, socket, head) => {
      let text = head.toString();
      socket.on('error', reject);
      socket.on('data', (part: Buffer) => {
        text += part.toString();
        if (text.includes('ping')) {
          socket.destroy();
          resolve(text);
        }
      });
      socket.write('ping');
    });
    outgoing.end();
  });
}
