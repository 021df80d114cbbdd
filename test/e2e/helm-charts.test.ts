/**
 * The real helm with a chart that has what helm treats in its own way: definitions, hooks that are Jobs, test
 * pods, lookups that the server answers; and with objects that another tool has made.
 */
import t, { type Test } from 'tap';
import { binaries } from '../support/binaries.js';
import { writeRichChart } from '../support/charts.js';
import { Cluster } from '../support/cluster.js';
import { type CommandRow, checkCommands } from '../support/command-rows.js';

const missing = binaries();

t.setTimeout(300_000);

t.test('charts', { skip: typeof missing === 'string' ? missing : false }, async (t) => {
  const cluster = await Cluster.start(t);
  const helm = (args: string | readonly string[]) =>
    cluster.helm(typeof args === 'string' ? args.split(' ') : args, { cwd: cluster.dataDir });
  const check = (t: Test, rows: readonly CommandRow[]) => checkCommands(t, rows, helm);

  await t.test('a chart with definitions, hooks, lookups and tests', async (t) => {
    writeRichChart(cluster.dataDir);
    const value = async (args: string) => (await cluster.kubectl(args)).stdout;
    await check(t, [
      // Lookups are answered by a server alone.
      {
        run: 'template rich ./rich',
        prints: [/ofNamespace: *$/m, /missing: "true"/],
      },
      {
        run: 'install rich ./rich --set size=0 --timeout 60s',
        fails: true,
        says: [
          /spec\.size: Invalid value: 0: spec\.size in body should be greater than or equal to 1/,
        ],
      },
      { run: 'uninstall rich --no-hooks', prints: [/uninstalled/] },
      {
        run: 'install rich ./rich --dry-run=server',
        prints: [
          /ofNamespace: "kube-system"/,
          /server: "v1\.35\.\d+\+drydock\.\d+"/,
          /hasBoats: "true"/,
          /hasJobs: "true"/,
          /missing: "true"/,
        ],
      },
      { run: 'install rich ./rich --wait --timeout 60s', prints: [/^STATUS: deployed$/m] },
    ]);
    t.equal(await value('get boats -o jsonpath={.items[*].spec.size}'), '1');
    t.equal(await value('get cm rich-seen -o jsonpath={.data.ofNamespace}'), 'kube-system');
    t.equal(
      await value('get job rich-before rich-after -o jsonpath={.items[*].status.succeeded}'),
      '1 1',
    );
    const when = (at: string) =>
      `get ${at} -o jsonpath={.metadata.creationTimestamp}{.status.completionTime}`;
    const [before, boat] = [
      await value(when('job/rich-before')),
      await value(when('boat/rich-boat')),
    ];
    t.ok(before.slice(20) <= boat.slice(0, 20), 'the first hook was done before the rest was made');
    await check(t, [
      { run: 'get hooks rich', prints: [/rich-before/, /rich-after/, /rich-check/] },
      { run: 'test rich --timeout 60s --logs', prints: [/Phase: +Succeeded/, /^checked$/m] },
      { run: 'upgrade rich ./rich --set size=5 --wait --timeout 60s', prints: [/REVISION: 2/] },
      {
        run: 'upgrade rich ./rich --set testCode=1 --reuse-values --timeout 60s',
        prints: [/REVISION: 3/],
      },
      { run: 'test rich --timeout 60s', fails: true, says: [/rich-check failed/] },
      {
        run: 'upgrade rich ./rich --set hookFails=true --timeout 60s',
        fails: true,
        says: [/UPGRADE FAILED: pre-upgrade hooks failed: resource .*rich-before/],
      },
      {
        run: 'upgrade rich ./rich --set hookFails=true --rollback-on-failure --timeout 60s',
        fails: true,
        says: [
          /release rich failed, and has been rolled back due to rollback-on-failure being set/,
        ],
      },
      { run: 'rollback rich 2 --wait --timeout 60s', prints: [/Rollback was a success/] },
      { run: 'history rich', prints: [/deployed\s.*Rollback to 2/] },
    ]);
    t.equal(await value('get boat rich-boat -o jsonpath={.spec.size}'), '5');
    t.match(await value('get cm rich-rolled -o jsonpath={.data.revision}'), /^\d+$/);
    await check(t, [
      { run: 'uninstall rich --wait --timeout 60s', prints: [/uninstalled/] },
      { run: 'list -q', prints: [/^$/] },
    ]);
    t.equal(await value('get boats -o name'), '');
    t.match(await value('get crd boats.sea.example.com -o name'), /boats/, 'definitions stay');
    t.equal(await value('get cm rich-gone -o name'), 'configmap/rich-gone\n', 'the last hook ran');
  });

  await t.test('takes over what another tool has made', async (t) => {
    const { stdout } = await helm('template mine ./rich --no-hooks --set size=2');
    const applied = await cluster.kubectl('apply -f -', { input: stdout });
    t.equal(applied.code, 0, applied.stderr);
    await check(t, [
      {
        run: 'install mine ./rich --no-hooks --timeout 60s',
        fails: true,
        says: [
          /exists and cannot be imported into the current release: invalid ownership metadata/,
        ],
      },
      {
        run: 'install mine ./rich --no-hooks --take-ownership --force-conflicts --timeout 60s',
        prints: [/^STATUS: deployed$/m],
      },
      { run: 'uninstall mine --no-hooks', prints: [/uninstalled/] },
    ]);
  });
});
