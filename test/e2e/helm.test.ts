/** The real helm against a cluster of real processes: the life of a release, from `create` to `uninstall`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { binaries } from '../support/binaries.js';
import { Cluster } from '../support/cluster.js';
import { type CommandRow, checkCommands } from '../support/command-rows.js';
import { eventually } from '../support/eventually.js';

const missing = binaries();

t.setTimeout(300_000);

interface Release {
  readonly name: string;
  readonly revision: string;
  readonly status: string;
}

t.test('helm', { skip: typeof missing === 'string' ? missing : false }, async (t) => {
  const cluster = await Cluster.start(t);
  const helm = (args: string | readonly string[]) =>
    cluster.helm(typeof args === 'string' ? args.split(' ') : args, { cwd: cluster.dataDir });
  const check = (t: Test, rows: readonly CommandRow[]) => checkCommands(t, rows, helm);
  const readyReplicas = async (name: string): Promise<number | undefined> => {
    const { status } = await cluster.get<{ status: { readyReplicas?: number } }>(
      `deployment ${name}`,
    );
    return status.readyReplicas;
  };

  await t.test('installs the chart that it makes', async (t) => {
    await check(t, [
      { run: 'version --short', prints: [/^v4\./] },
      { run: 'create demo', prints: [/Creating demo/] },
      { run: 'lint demo', prints: [/1 chart\(s\) linted, 0 chart\(s\) failed/] },
      {
        run: 'install demo ./demo --dry-run=server',
        prints: [/^STATUS: pending-install$/m, /^kind: Deployment$/m, /^kind: ServiceAccount$/m],
      },
      { run: 'list -q', prints: [/^$/] },
      {
        run: 'install demo ./demo --wait --timeout 60s',
        prints: [
          /^NAME: demo$/m,
          /^NAMESPACE: default$/m,
          /^STATUS: deployed$/m,
          /^REVISION: 1$/m,
          /kubectl --namespace default port-forward/,
        ],
      },
    ]);
    t.equal(await readyReplicas('demo'), 1, '--wait has waited for the pod');
    await check(t, [
      { run: 'list', prints: [/^demo\s+default\s+1\s.*\sdeployed\s+demo-0\.1\.0\s+1\.16\.0/m] },
      { run: 'list -A -o json', prints: [/"name":"demo"/, /"status":"deployed"/] },
      { run: 'list --all-namespaces --failed -q', prints: [/^$/] },
      { run: 'status demo', prints: [/^STATUS: deployed$/m, /==> v1\/Deployment/] },
      {
        run: 'get manifest demo',
        prints: [/^kind: ServiceAccount$/m, /^kind: Service$/m, /^kind: Deployment$/m],
      },
      { run: 'get values demo', prints: [/USER-SUPPLIED VALUES:\s+null/] },
      { run: 'get values demo --all', prints: [/^replicaCount: 1$/m] },
      { run: 'get notes demo', prints: [/Get the application URL/] },
      { run: 'get hooks demo', prints: [/helm\.sh\/hook: test|"helm\.sh\/hook": test/] },
      { run: 'get metadata demo', prints: [/^REVISION: 1$/m, /^STATUS: deployed$/m] },
      {
        run: 'install demo ./demo',
        fails: true,
        says: [/cannot reuse a name that is still in use/],
      },
    ]);
    const secrets = await cluster.get<{ items: { metadata: { name: string }; type: string }[] }>(
      'secrets -l owner=helm',
    );
    t.match(
      secrets.items.map(({ metadata, type }) => `${metadata.name} ${type}`),
      ['sh.helm.release.v1.demo.v1 helm.sh/release.v1'],
      'a release is a Secret',
    );
  });

  await t.test('upgrades, looks back and rolls back', async (t) => {
    await check(t, [
      {
        run: 'upgrade demo ./demo --set replicaCount=3 --wait --timeout 60s',
        prints: [/Release "demo" has been upgraded\. Happy Helming!/, /^REVISION: 2$/m],
      },
    ]);
    t.equal(await readyReplicas('demo'), 3, 'three pods are ready');
    await check(t, [
      { run: 'get values demo', prints: [/^replicaCount: 3$/m] },
      { run: 'get values demo --revision 1', prints: [/null/] },
      {
        run: 'upgrade demo ./demo --reuse-values --set image.tag=1.27 --dry-run=server',
        prints: [/^STATUS: pending-upgrade$/m, /image: "nginx:1\.27"/],
      },
      {
        run: 'history demo',
        prints: [/^1\s.*superseded\s.*Install complete/m, /^2\s.*deployed\s.*Upgrade complete/m],
      },
      { run: 'rollback demo 1 --wait --timeout 60s', prints: [/Rollback was a success/] },
      { run: 'history demo', prints: [/^3\s.*deployed\s.*Rollback to 1/m] },
      { run: 'get values demo', prints: [/null/] },
      {
        run: 'upgrade demo ./demo --set replicaCount=-1',
        fails: true,
        says: [/spec\.replicas: Invalid value: -1: must be greater than or equal to 0/],
      },
      { run: 'history demo', prints: [/^4\s.*failed/m] },
      { run: 'rollback demo 3', prints: [/Rollback was a success/] },
      { run: 'rollback demo 99', fails: true, says: [/release has no 99 version/] },
    ]);
    await eventually('one pod is left', async () => (await readyReplicas('demo')) === 1);
  });

  await t.test('runs the tests of a chart as pods', async (t) => {
    // The image's own command would need a network; what counts is that the pod ends.
    const file = join(cluster.dataDir, 'demo/templates/tests/test-connection.yaml');
    const text = readFileSync(file, 'utf8');
    writeFileSync(
      file,
      text
        .replace(/command: .*/, "command: ['sh', '-c', 'exit 0']")
        .replace(/^ *args: .*\n/m, '')
        .replace(
          /("?helm\.sh\/hook"?: test)/,
          '$1\n    "helm.sh/hook-delete-policy": before-hook-creation',
        ),
    );
    await check(t, [
      { run: 'upgrade demo ./demo --wait --timeout 60s', prints: [/^REVISION: 6$/m] },
      {
        run: 'test demo --timeout 60s',
        prints: [/TEST SUITE: +demo-test-connection/, /Phase: +Succeeded/],
      },
    ]);
  });

  await t.test('uninstalls, and leaves nothing', async (t) => {
    await check(t, [
      {
        run: 'uninstall demo --wait --timeout 60s',
        prints: [/release "demo" uninstalled/],
      },
      { run: 'status demo', fails: true, says: [/release: not found/] },
      { run: 'uninstall demo', fails: true, says: [/not found/] },
    ]);
    const left = await cluster.kubectl([
      'get',
      'deployments,services,serviceaccounts,secrets',
      '-l',
      'app.kubernetes.io/instance=demo',
      '-o',
      'name',
    ]);
    t.equal(left.stdout, '');
    const releases = await cluster.kubectl('get secrets -l owner=helm -o name');
    t.equal(releases.stdout, '');
  });

  await t.test('upgrades or installs, in a namespace that it makes', async (t) => {
    const args = 'upgrade --install web ./demo -n shop --create-namespace --wait --timeout 60s';
    await check(t, [
      { run: 'upgrade web ./demo', fails: true, says: [/has no deployed releases/] },
      { run: args, prints: [/Release "web" does not exist\. Installing it now\./] },
      {
        run: `${args} --set service.type=NodePort`,
        prints: [/Release "web" has been upgraded/, /^REVISION: 2$/m],
      },
      { run: 'uninstall web -n shop --keep-history', prints: [/uninstalled/] },
      { run: 'history web -n shop', prints: [/^2\s.*uninstalled/m] },
      { run: 'rollback web 1 -n shop --wait --timeout 60s', prints: [/Rollback was a success/] },
    ]);
    const { stdout } = await helm('list -n shop -o json');
    t.match(JSON.parse(stdout) as Release[], [{ name: 'web', status: 'deployed' }]);
  });

  await t.test('undoes an installation that does not become ready', async (t) => {
    await check(t, [
      {
        run: 'install bad ./demo --set nodeSelector.disk=none --rollback-on-failure --timeout 4s',
        fails: true,
        says: [/release bad failed, and has been uninstalled due to rollback-on-failure being set/],
      },
      { run: 'status bad', fails: true, says: [/release: not found/] },
    ]);
  });
});
