import t from 'tap';
import type { ContainerConfig, ProbeRequest } from '../interface.js';
import { userOf } from './image-facts.js';
import { isServer, serverAnswer } from './image-servers.js';

function configOf(over: Partial<ContainerConfig>): ContainerConfig {
  return {
    name: 'main',
    attempt: 0,
    image: 'nginx',
    imageId: '',
    command: [],
    args: [],
    env: [],
    tty: false,
    stdin: false,
    restartPolicy: 'Never',
    specHash: '',
    logPath: '',
    ...over,
  };
}

function http(rest: string, scheme = 'http'): ProbeRequest {
  return {
    kind: 'readiness',
    handler: 'http',
    target: `${scheme}://10.0.0.5${rest}`,
    timeoutMs: 1000,
  };
}

function tcp(port: number): ProbeRequest {
  return { kind: 'liveness', handler: 'tcp', target: `10.0.0.5:${port}`, timeoutMs: 1000 };
}

t.test('a server runs until it is stopped, whatever its pod is for', async (t) => {
  const rows: [string, Partial<ContainerConfig>, boolean][] = [
    ['nginx', {}, true],
    ['a tag and a registry', { image: 'docker.io/library/redis:7-alpine' }, true],
    ['with arguments of its own', { image: 'redis', args: ['--appendonly', 'yes'] }, true],
    ['another program of the image', { image: 'mysql', args: ['mysqldump', '-h', 'db'] }, false],
    ['a command', { command: ['echo', 'hi'] }, false],
    ['an image that nobody knows', { image: 'acme/migrate' }, false],
    ['the same name elsewhere', { image: 'quay.io/acme/nginx' }, false],
  ];
  for (const [name, over, expected] of rows) t.equal(isServer(configOf(over)), expected, name);
});

t.test('what a server answers to probes', async (t) => {
  const volume = {
    path: '/etc/nginx',
    subPath: '',
    readOnly: true,
    source: { kind: 'pod', volume: 'v' },
  } as const;
  const account = { ...volume, path: '/var/run/secrets/kubernetes.io/serviceaccount' };
  const agnhost = { image: 'registry.k8s.io/e2e-test-images/agnhost:2.40', args: ['liveness'] };
  const down = (what: string) => ({ ok: false, output: what });
  const rows: [string, Partial<ContainerConfig>, ProbeRequest, object | undefined, number?][] = [
    ['its page', {}, http(':80/'), { ok: true }],
    ['with an account', { mounts: [account] }, http(':80/index.html?x=1'), { ok: true }],
    [
      'a page that it has not',
      {},
      http(':80/healthz'),
      down('HTTP probe failed with statuscode: 404'),
    ],
    [
      'a port where it does not listen',
      {},
      http(':8080/'),
      down('Get "http://10.0.0.5:8080/": dial tcp 10.0.0.5:8080: connect: connection refused'),
    ],
    [
      'https',
      {},
      http(':80/', 'https'),
      down('Get "https://10.0.0.5:80/": http: server gave HTTP response to HTTPS client'),
    ],
    ['its own configuration', { mounts: [volume] }, http(':8080/healthz'), undefined],
    ['its own command', { command: ['nginx', '-g', 'daemon off;'] }, http(':81/'), undefined],
    ['an open port', { image: 'redis:7' }, tcp(6379), { ok: true }],
    [
      'a closed port',
      { image: 'postgres' },
      tcp(5433),
      down('dial tcp 10.0.0.5:5433: connect: connection refused'),
    ],
    ['an image that nobody knows', { image: 'acme/api' }, http(':9/x'), undefined],
    ['agnhost is well at first', agnhost, http(':8080/healthz'), undefined, 9000],
    [
      'and not after ten seconds',
      agnhost,
      http(':8080/healthz'),
      down('HTTP probe failed with statuscode: 500'),
      11_000,
    ],
  ];
  for (const [name, over, request, expected, age = 1000] of rows) {
    const answer = serverAnswer(configOf(over), request, age);
    if (expected === undefined) t.equal(answer, undefined, name);
    else t.match(answer, expected, name);
  }
});

t.test('whom images run as', async (t) => {
  const rows: [string, number | string | undefined][] = [
    ['nginx:1.27', 0],
    ['busybox', 0],
    ['docker.io/library/postgres:16', 0],
    ['memcached', 'memcache'],
    ['nginxinc/nginx-unprivileged', undefined],
    ['quay.io/acme/nginx', undefined],
  ];
  for (const [image, expected] of rows) t.equal(userOf(image), expected, image);
});
