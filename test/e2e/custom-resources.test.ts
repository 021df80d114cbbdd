/** Custom resources as operators and their users meet them: kubectl, an informer, a conversion webhook. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { CustomObjectsApi, type KubernetesObject, makeInformer } from '@kubernetes/client-node';
import t from 'tap';
import { stringify } from 'yaml';
import { binaries } from '../support/binaries.js';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { Kube } from '../support/kube.js';

t.setTimeout(300_000);

const GROUP = 'stable.example.com';
const missing = binaries();

const schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      description: 'What the CronTab is to do.',
      required: ['cronSpec'],
      properties: {
        cronSpec: { type: 'string', description: 'When.', pattern: '^(\\S+\\s){4}\\S+$' },
        image: { type: 'string', default: 'busybox' },
        replicas: { type: 'integer', minimum: 0, maximum: 10 },
      },
    },
    status: {
      type: 'object',
      properties: {
        replicas: { type: 'integer' },
        labelSelector: { type: 'string' },
        conditions: {
          type: 'array',
          items: {
            type: 'object',
            required: ['type', 'status'],
            properties: { type: { type: 'string' }, status: { type: 'string' } },
          },
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['type'],
        },
      },
    },
  },
};

const crontabs = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `crontabs.${GROUP}` },
  spec: {
    group: GROUP,
    scope: 'Namespaced',
    names: { plural: 'crontabs', kind: 'CronTab', shortNames: ['ct'], categories: ['timers'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: schema },
        subresources: {
          status: {},
          scale: {
            specReplicasPath: '.spec.replicas',
            statusReplicasPath: '.status.replicas',
            labelSelectorPath: '.status.labelSelector',
          },
        },
        additionalPrinterColumns: [
          { name: 'Spec', type: 'string', jsonPath: '.spec.cronSpec' },
          { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' },
          { name: 'Image', type: 'string', jsonPath: '.spec.image', priority: 1 },
          { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
        ],
      },
    ],
  },
};

const crontab = (name: string, spec: object, namespace = 'default') => ({
  apiVersion: `${GROUP}/v1`,
  kind: 'CronTab',
  metadata: { name, namespace },
  spec,
});
const yaml = (...objects: object[]) => objects.map((object) => stringify(object)).join('---\n');

t.test('custom resources', { skip: typeof missing === 'string' ? missing : false }, async (t) => {
  const cluster = await Cluster.start(t);
  const kubectl = async (args: string | readonly string[], input?: string) => {
    const { code, stdout, stderr } = await cluster.kubectl(
      args,
      input === undefined ? {} : { input },
    );
    return { code, text: stdout + stderr };
  };
  const works = async (args: string | readonly string[], input?: string) => {
    const { code, text } = await kubectl(args, input);
    if (code !== 0) throw new Error(`kubectl ${String(args)}: ${text}`);
    return text;
  };

  await t.test('kubectl defines, makes, prints, explains, waits and scales', async (t) => {
    t.match(await works('apply -f -', yaml(crontabs)), /crontabs.stable.example.com created/);
    await works(`wait --for=condition=Established crd/crontabs.${GROUP} --timeout=60s`);
    t.match(
      await works('api-resources --api-group=stable.example.com'),
      /crontabs +ct +stable.example.com\/v1 +true +CronTab/,
    );
    const a = crontab('a', { cronSpec: '* * * * */5', replicas: 1 });
    await works('apply -f -', yaml(a));
    t.match(await works('get ct'), /NAME +SPEC +REPLICAS +AGE\na +\* \* \* \* \*\/5 +1 +\d+s\n/);
    t.match(await works('get ct -o wide'), /IMAGE.*\n.*busybox/);
    t.match(await works('get timers'), /^crontab.stable.example.com\/a|^NAME/m);
    t.match(
      await works('describe ct a'),
      /Spec:\n +Cron Spec: +\* \* \* \* \*\/5\n +Image: +busybox/,
    );
    t.match(
      await works('explain crontab.spec.cronSpec'),
      /KIND: +CronTab[\s\S]*FIELD: cronSpec <string>[\s\S]*When\./,
    );
    t.match(
      await works('apply -f -', yaml(crontab('a', { cronSpec: '* * * * *', replicas: 1 }))),
      /configured/,
    );
    t.match(
      await works('apply --server-side --force-conflicts -f -', yaml(a)),
      /serverside-applied/,
    );
    const patch =
      '{"status":{"replicas":1,"labelSelector":"x=y","conditions":[{"type":"Ready","status":"True"}]}}';
    await works(['patch', 'ct', 'a', '--subresource=status', '--type=merge', '-p', patch]);
    t.match(await works('wait --for=condition=Ready ct/a --timeout=60s'), /condition met/);
    t.match(await works('scale ct/a --replicas=4'), /scaled/);
    t.equal((await cluster.get<{ spec: { replicas: number } }>('ct a')).spec.replicas, 4);
    const strategic = await kubectl(['patch', 'ct', 'a', '-p', '{"spec":{"replicas":2}}']);
    t.match(
      strategic.text,
      /error: application\/strategic-merge-patch\+json is not supported by stable.example.com\/v1, Kind=CronTab/,
    );
  });

  await t.test('what is wrong is refused as Kubernetes refuses it', async (t) => {
    const unknown = await kubectl(
      'create -f -',
      yaml(crontab('b', { cronSpec: '* * * * *', imge: 'x' })),
    );
    t.match(unknown.text, /strict decoding error: unknown field "spec.imge"/);
    const wrong = await kubectl(
      'create -f -',
      yaml(crontab('b', { cronSpec: 'never', replicas: 11 })),
    );
    t.match(
      wrong.text,
      /The CronTab "b" is invalid: \n\* spec.cronSpec: Invalid value: "never": spec.cronSpec in body should match/,
    );
    t.match(
      wrong.text,
      /\* spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10/,
    );
  });

  await t.test('an informer of the JavaScript client follows them', async (t) => {
    const kube = new Kube(cluster);
    const path = `/apis/${GROUP}/v1/namespaces/default/crontabs`;
    const custom = kube.config.makeApiClient(CustomObjectsApi);
    const list = async () => {
      const all: unknown = await custom.listNamespacedCustomObject({
        group: GROUP,
        version: 'v1',
        namespace: 'default',
        plural: 'crontabs',
      });
      return all as {
        items: KubernetesObject[];
        kind: string;
        metadata: object;
        apiVersion: string;
      };
    };
    const informer = makeInformer(kube.config, path, list);
    const seen: string[] = [];
    for (const verb of ['add', 'update', 'delete'] as const)
      informer.on(verb, (object) => seen.push(`${verb} ${object.metadata?.name}`));
    informer.on('error', () => undefined);
    await informer.start();
    t.teardown(() => informer.stop());
    await works('create -f -', yaml(crontab('c', { cronSpec: '* * * * *' })));
    await works('label ct c x=y');
    await works('delete ct c');
    await eventually('all three events', () => seen.includes('delete c'));
    t.same(
      seen.filter((event) => event.endsWith(' c')),
      ['add c', 'update c', 'delete c'],
    );
  });

  await t.test('quotas count them, and namespaces and owners take them along', async (t) => {
    await works('create namespace tenant');
    await works(`create quota few --hard=count/crontabs.${GROUP}=1 -n tenant`);
    const spec = { cronSpec: '* * * * *' };
    await eventually('the quota is counted', async () => {
      const quota = await cluster.get<{ status?: { used?: object } }>('quota few -n tenant');
      return quota.status?.used !== undefined;
    });
    await works('create -f -', yaml(crontab('one', spec, 'tenant')));
    const second = await kubectl('create -f -', yaml(crontab('two', spec, 'tenant')));
    t.match(
      second.text,
      /exceeded quota: few, requested: count\/crontabs.stable.example.com=1, used: count\/crontabs.stable.example.com=1, limited: count\/crontabs.stable.example.com=1/,
    );
    const owner = await cluster.get<{ metadata: { uid: string } }>('ct one -n tenant');
    const owned = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: 'owned',
        namespace: 'tenant',
        ownerReferences: [
          { apiVersion: `${GROUP}/v1`, kind: 'CronTab', name: 'one', uid: owner.metadata.uid },
        ],
      },
    };
    await works('create -f -', yaml(owned));
    await works('delete ct one -n tenant');
    await eventually(
      'what it owned is collected',
      async () => {
        return (await kubectl('get configmap owned -n tenant')).code !== 0;
      },
      60_000,
    );
    await eventually('its place in the quota is free again', async () => {
      return (await kubectl('create -f -', yaml(crontab('three', spec, 'tenant')))).code === 0;
    });
    await works('delete namespace tenant --timeout=60s');
    t.match((await kubectl('get ct -A')).text, /^NAMESPACE[^\n]*\ndefault +a [^\n]*\n$/);
  });

  await t.test('a webhook converts between versions', async (t) => {
    // The server's own certificate is for this machine.
    const pem = (file: string) => readFileSync(join(cluster.dataDir, 'pki', file), 'utf8');
    const tls = { cert: pem('apiserver.crt'), key: pem('apiserver.key') };
    const hook = createServer(tls, (req, res) => {
      let text = '';
      req.on('data', (chunk) => {
        text += String(chunk);
      });
      req.on('end', () => {
        const { apiVersion, kind, request } = JSON.parse(text) as {
          apiVersion: string;
          kind: string;
          request: { uid: string; desiredAPIVersion: string; objects: Record<string, unknown>[] };
        };
        const convertedObjects = request.objects.map(({ hostPort, host, port, ...rest }) => {
          const own = { ...rest, apiVersion: request.desiredAPIVersion };
          if (!request.desiredAPIVersion.endsWith('v2'))
            return { ...own, hostPort: `${String(host)}:${String(port)}` };
          const [one, two] = String(hostPort).split(':');
          return { ...own, host: one, port: two };
        });
        const response = { uid: request.uid, result: { status: 'Success' }, convertedObjects };
        res.end(JSON.stringify({ apiVersion, kind, response }));
      });
    });
    await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
    t.teardown(() => {
      hook.closeAllConnections();
      hook.close();
    });
    const text = { type: 'string' };
    const version = (name: string, storage: boolean, properties: object) => ({
      name,
      served: true,
      storage,
      schema: { openAPIV3Schema: { type: 'object', properties } },
    });
    const url = `https://127.0.0.1:${(hook.address() as AddressInfo).port}/convert`;
    const endpoints = {
      ...crontabs,
      metadata: { name: `servers.${GROUP}` },
      spec: {
        group: GROUP,
        scope: 'Cluster',
        names: { plural: 'servers', kind: 'Server' },
        versions: [
          version('v1', true, { hostPort: text }),
          version('v2', false, { host: text, port: text }),
        ],
        conversion: {
          strategy: 'Webhook',
          webhook: {
            conversionReviewVersions: ['v1'],
            clientConfig: { url, caBundle: Buffer.from(pem('ca.crt')).toString('base64') },
          },
        },
      },
    };
    await works('apply -f -', yaml(endpoints));
    await works(`wait --for=condition=Established crd/servers.${GROUP} --timeout=60s`);
    const server = {
      apiVersion: `${GROUP}/v1`,
      kind: 'Server',
      metadata: { name: 's' },
      hostPort: 'a:80',
    };
    await works('create -f -', yaml(server));
    t.match(
      await works(`get servers.v2.${GROUP} s -o yaml`),
      /apiVersion: stable.example.com\/v2\nhost: a\n[\s\S]*port: "80"/,
    );
    await works(['patch', `servers.v2.${GROUP}`, 's', '--type=merge', '-p', '{"port":"81"}']);
    t.match(await works(`get servers.v1.${GROUP} s -o yaml`), /hostPort: a:81/);
  });

  await t.test('deleting the definition deletes all of them', async (t) => {
    t.match(await works(`delete crd crontabs.${GROUP} --timeout=60s`), /deleted/);
    t.match(
      (await kubectl('get ct')).text,
      /the server doesn't have a resource type "ct"|could not find the requested resource/,
    );
    await works('apply -f -', yaml(crontabs));
    await works(`wait --for=condition=Established crd/crontabs.${GROUP} --timeout=60s`);
    t.match(await works('get ct'), /No resources found in default namespace/);
  });
});
