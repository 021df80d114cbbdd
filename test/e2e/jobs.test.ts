/**
 * Jobs, CronJobs, certificates, token Secrets and LoadBalancer Services of a cluster of real processes, as
 * `kubectl` and `openssl`'s users see them.
 */
import 'reflect-metadata';
import { webcrypto, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import t from 'tap';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';

const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const MINUTE_MS = 60_000;
x509.cryptoProvider.set(webcrypto);

interface JobText {
  readonly name: string;
  readonly script: string;
  readonly spec?: object;
}

function jobOf({ name, script, spec = {} }: JobText): object {
  const command = ['sh', '-c', script];
  const containers = [{ name: 'main', image: 'busybox', command }];
  const template = { spec: { restartPolicy: 'Never', containers } };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: { name }, spec: { template, ...spec } };
}

t.setTimeout(300_000);
t.test('batch work and what clouds do', async (t) => {
  const cluster = await Cluster.start(t);
  const kubectl = async (args: string, input?: object): Promise<string> => {
    const text = input === undefined ? {} : { input: JSON.stringify(input) };
    const { code, stdout, stderr } = await cluster.kubectl(args.split(' '), text);
    if (code !== 0) throw new Error(`kubectl ${args}: ${stderr}`);
    return stdout;
  };
  const apply = (obj: object) => kubectl('apply -f -', obj);
  const field = (what: string, path: string) => kubectl(`get ${what} -o jsonpath={${path}}`);
  /** Its value, once there is one. */
  const filled = (what: string, path: string) =>
    eventually(`${what} ${path}`, async () => (await field(what, path)) || undefined);
  const ended = (name: string, condition: string) =>
    kubectl(`wait job/${name} --for=condition=${condition} --timeout=60s`);

  await t.test('Jobs end as they should', async (t) => {
    const indexed = { completionMode: 'Indexed', completions: 4, parallelism: 4 };
    const policy = {
      rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }],
    };
    await Promise.all([
      apply(jobOf({ name: 'pi', script: 'echo 3.14', spec: { completions: 3, parallelism: 2 } })),
      apply(jobOf({ name: 'strict', script: 'exit 42', spec: { podFailurePolicy: policy } })),
      apply(
        jobOf({
          name: 'parts',
          script: 'exit 1',
          spec: { ...indexed, backoffLimitPerIndex: 0, maxFailedIndexes: 3 },
        }),
      ),
      apply(
        jobOf({
          name: 'early',
          script: 'echo done',
          spec: { ...indexed, successPolicy: { rules: [{ succeededCount: 1 }] } },
        }),
      ),
      apply(jobOf({ name: 'late', script: 'sleep 3600', spec: { activeDeadlineSeconds: 1 } })),
      apply(jobOf({ name: 'held', script: 'echo go', spec: { suspend: true } })),
    ]);
    await Promise.all([
      ended('pi', 'Complete'),
      ended('strict', 'Failed'),
      ended('parts', 'Failed'),
      ended('early', 'Complete'),
      ended('late', 'Failed'),
    ]);
    t.match(await kubectl('get job pi'), /pi\s+Complete\s+3\/3/);
    t.match(
      await kubectl(
        'apply -f -',
        jobOf({ name: 'pi', script: 'echo 3.14', spec: { completions: 3, parallelism: 2 } }),
      ),
      'unchanged',
    );
    t.match(
      await kubectl('describe job strict'),
      /Warning\s+PodFailurePolicy\s.*exit code 42 matching FailJob rule at index 0/,
    );
    t.equal(await field('job parts', '.status.failedIndexes'), '0-3');
    const reasonOf = (name: string, type: string) =>
      field(`job ${name}`, `.status.conditions[?(@.type=="${type}")].reason`);
    t.equal(await reasonOf('parts', 'Failed'), 'MaxFailedIndexesExceeded');
    t.equal(await reasonOf('early', 'Complete'), 'SuccessPolicy');
    t.equal(await reasonOf('late', 'Failed'), 'DeadlineExceeded');
    t.match(await kubectl('get job held'), /held\s+Suspended\s+0\/1/);
    await kubectl('patch job held --type=merge -p {"spec":{"suspend":false}}');
    await ended('held', 'Complete');
    const env = await field(
      'pod -l batch.kubernetes.io/job-completion-index=2,job-name=parts',
      '.items[0].spec.containers[0].env[0].name',
    );
    t.equal(env, 'JOB_COMPLETION_INDEX');
    const refused = await cluster.kubectl(
      'patch job pi --type=merge -p {"spec":{"completions":9}}'.split(' '),
    );
    t.match(refused.stderr, 'field is immutable');
  });

  await t.test('a CronJob starts what is due, and what is asked of it by hand', async (t) => {
    await kubectl(
      'create cronjob tick --image=busybox --schedule=*/1 * * * *'.replace(
        '*/1 * * * *',
        '@hourly',
      ),
    );
    await kubectl('create job by-hand --from=cronjob/tick');
    await ended('by-hand', 'Complete');
    const lastScheduleTime = new Date(Date.now() - 2 * 60 * MINUTE_MS).toISOString();
    const status = { status: { lastScheduleTime: lastScheduleTime.replace(/\.\d+Z/, 'Z') } };
    await kubectl(
      `patch cronjob tick --subresource=status --type=merge -p ${JSON.stringify(status)}`,
    );
    await filled('cronjob tick', '.status.lastSuccessfulTime');
    const events = await kubectl('get events --field-selector involvedObject.name=tick');
    t.match(events, /Normal\s+SuccessfulCreate\s.*Created job tick-\d+/);
    t.match(events, /Warning\s+UnexpectedJob\s.*did not create or forgot: by-hand/);
  });

  await t.test('a certificate that was asked for and approved logs in', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'drydock-csr-'));
    t.teardown(() => rmSync(folder, { recursive: true }));
    const keys = await webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
    const request = await x509.Pkcs10CertificateRequestGenerator.create({
      name: [{ O: ['devs'] }, { CN: ['jane'] }],
      keys,
      signingAlgorithm: ECDSA,
    });
    const ask = (name: string, signer: string, usages: readonly string[]) =>
      apply({
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { name },
        spec: {
          request: Buffer.from(request.toString('pem')).toString('base64'),
          signerName: `kubernetes.io/${signer}`,
          expirationSeconds: 3600,
          usages,
        },
      });
    await ask('jane', 'kube-apiserver-client', ['client auth', 'digital signature']);
    await ask('not-a-node', 'kubelet-serving', ['server auth', 'digital signature']);
    t.match(
      await kubectl('get csr jane'),
      /kube-apiserver-client\s+kubernetes-admin\s+60m\s+Pending/,
    );
    await kubectl('certificate approve jane not-a-node');
    const encoded = await filled('csr jane', '.status.certificate');
    await eventually('refused', async () =>
      (await kubectl('get csr not-a-node')).includes('Approved,Failed'),
    );
    const pem = Buffer.from(encoded, 'base64').toString();
    const ca = join(cluster.dataDir, 'pki', 'ca.crt');
    t.ok(new X509Certificate(pem).verify(new X509Certificate(readFileSync(ca)).publicKey));
    const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
    writeFileSync(join(folder, 'jane.crt'), pem);
    writeFileSync(
      join(folder, 'jane.key'),
      `-----BEGIN PRIVATE KEY-----\n${key.toString('base64')}\n-----END PRIVATE KEY-----\n`,
    );
    const server = await kubectl('config view -o jsonpath={.clusters[0].cluster.server}');
    const other = `--kubeconfig=/dev/null --server=${server} --certificate-authority=${ca}`;
    const who = await kubectl(
      `${other} --client-certificate=${folder}/jane.crt --client-key=${folder}/jane.key auth whoami`,
    );
    t.match(who, /Username\s+jane\nGroups\s+\[devs system:authenticated\]/);

    await kubectl('create serviceaccount robot');
    await apply({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'robot',
        annotations: { 'kubernetes.io/service-account.name': 'robot' },
      },
      type: 'kubernetes.io/service-account-token',
    });
    const token = await filled('secret robot', '.data.token');
    const text = Buffer.from(token, 'base64').toString();
    t.match(
      await kubectl(`${other} --token=${text} auth whoami`),
      'system:serviceaccount:default:robot',
    );
    const label = '.metadata.labels.kubernetes\\.io/legacy-token-last-used';
    t.match(await field('secret robot', label), /^\d{4}-\d{2}-\d{2}$/, 'its use is noted');
    await kubectl('label secret robot kubernetes.io/legacy-token-invalid-since=2026-01-01');
    await eventually('it is good no more', async () => {
      const { code } = await cluster.kubectl(`${other} --token=${text} auth whoami`);
      return code !== 0;
    });
  });

  await t.test('a LoadBalancer Service has an external address', async (t) => {
    await kubectl('create service loadbalancer front --tcp=80:80');
    const address = await filled('service front', '.status.loadBalancer.ingress[0].ip');
    t.match(
      await kubectl('get service front'),
      new RegExp(`LoadBalancer\\s+10\\.\\S+\\s+${address}`),
    );
    const events = await kubectl('describe service front');
    t.match(events, /Normal\s+EnsuringLoadBalancer\s[\s\S]*Normal\s+EnsuredLoadBalancer/);
    await kubectl('delete service front --timeout=60s');
  });
});
