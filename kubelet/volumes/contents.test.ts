import t from 'tap';
import type { Pod, Volume } from '../../pkg/api/types.js';
import { contentsOf, mayChange } from './contents.js';
import { mountsOf } from './mounts.js';
import type { PodObjects } from './object-cache.js';

const base64 = (text: string) => Buffer.from(text).toString('base64');

const objects: PodObjects = {
  configMap: async (_, name) =>
    name === 'c' ? { data: { a: '1', b: '2' }, binaryData: { raw: base64('bin') } } : undefined,
  secret: async () => ({ data: { password: base64('s3cret') } }),
  claim: async (_, name) => ({ spec: { volumeName: `pv-${name}` } }),
  volume: async (name) =>
    name === 'pv-folder' ? { spec: { hostPath: { path: '/mnt/data' } } } : { spec: {} },
  updateClaimStatus: async (claim) => claim,
  attachment: async () => undefined,
  csiDriver: async () => undefined,
  csiNode: async () => undefined,
  resourceClaim: async () => undefined,
  services: () => [],
};

const pod: Pod = {
  metadata: { name: 'p', namespace: 'default', labels: { b: '2', a: 'x"y' } },
  spec: {
    containers: [{ name: 'main', resources: { limits: { cpu: '500m' } } }],
    volumes: [
      { name: 'scratch', emptyDir: {} },
      { name: 'config', configMap: { name: 'c' } },
      { name: 'host', hostPath: { path: '/var/log' } },
      { name: 'folder', persistentVolumeClaim: { claimName: 'folder' } },
      { name: 'disk', persistentVolumeClaim: { claimName: 'disk' } },
      { name: 'own', ephemeral: {} },
    ],
  },
};

t.test('what stands in volumes that the kubelet fills', async (t) => {
  const limits = { resource: 'limits.cpu', containerName: 'main', divisor: '1m' };
  const rows: [string, Omit<Volume, 'name'>, Record<string, string> | undefined][] = [
    ['a ConfigMap', { configMap: { name: 'c' } }, { a: '1', b: '2', raw: 'bin' }],
    [
      'some of its keys',
      { configMap: { name: 'c', items: [{ key: 'a', path: 'x/y' }] } },
      { 'x/y': '1' },
    ],
    ['one that need not be there', { configMap: { name: 'none', optional: true } }, {}],
    ['a Secret', { secret: { secretName: 's' } }, { password: 's3cret' }],
    [
      'the pod itself',
      {
        downwardAPI: {
          items: [
            { path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } },
            { path: 'name', fieldRef: { fieldPath: 'metadata.name' } },
            { path: 'cpu', resourceFieldRef: limits },
          ],
        },
      },
      { labels: 'a="x\\"y"\nb="2"', name: 'p', cpu: '500' },
    ],
    [
      'several in one',
      {
        projected: {
          sources: [
            { secret: { name: 's' } },
            { configMap: { name: 'c', items: [{ key: 'b', path: 'b' }] } },
            { serviceAccountToken: { path: 'token' } },
          ],
        },
      },
      { password: 's3cret', b: '2', token: '' },
    ],
    ['a folder for all', { emptyDir: {} }, undefined],
  ];
  for (const [row, volume, files] of rows) {
    const found = await contentsOf({ name: 'v', ...volume }, { pod, objects, allocatable: {} });
    t.same(found, files, row);
  }
  t.equal(mayChange({ name: 'v', configMap: { name: 'c' } }), true);
  const token = { name: 'v', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } };
  t.equal(mayChange(token), false, "the pod's token is not looked at again");
});

t.test('where the volumes of a container come from', async (t) => {
  const names = ['scratch', 'config', 'host', 'folder', 'disk', 'own'];
  const volumeMounts = [
    ...names.map((name) => ({ name, mountPath: `/${name}/` })),
    { name: 'disk', mountPath: '/part', subPathExpr: '$(WHO)/x', readOnly: true },
  ];
  const mounts = await mountsOf(
    pod,
    { name: 'main', volumeMounts },
    new Map([['WHO', 'me']]),
    objects,
  );
  const all = { subPath: '', readOnly: false };
  t.same(mounts, [
    { ...all, path: '/scratch', source: { kind: 'pod', volume: 'scratch' } },
    { ...all, path: '/config', readOnly: true, source: { kind: 'pod', volume: 'config' } },
    { ...all, path: '/host', source: { kind: 'host', path: '/var/log' } },
    { ...all, path: '/folder', source: { kind: 'host', path: '/mnt/data' } },
    { ...all, path: '/disk', source: { kind: 'cluster', persistentVolume: 'pv-disk' } },
    { ...all, path: '/own', source: { kind: 'cluster', persistentVolume: 'pv-p-own' } },
    {
      path: '/part',
      subPath: 'me/x',
      readOnly: true,
      source: { kind: 'cluster', persistentVolume: 'pv-disk' },
    },
  ]);
});
