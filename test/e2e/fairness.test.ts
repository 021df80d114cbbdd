/**
 * A server with few seats under load from one user: others get their share, the administrator always gets in, who
 * asks too much is told to come back, and new rules hold at once. Told to stop, it ends what is under way in order.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Pool } from 'undici';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
const FLOW_CONTROL = '/apis/flowcontrol.apiserver.k8s.io/v1';
const FLOOD_CLIENTS = 60;
const QUIET_REQUESTS = 20;
/** First come first served, as many of the flood's requests as it has clients would pass before each other one. */
const FLOOD_FOR_EACH = FLOOD_CLIENTS / 2;

class User {
  private readonly pool: Pool;
  constructor(
    url: string,
    ca: Buffer,
    private readonly token: string,
    connections: number,
  ) {
    this.pool = new Pool(url, { connections, connect: { ca }, bodyTimeout: 0 });
  }

  async send(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) {
    const answer = await this.pool.request({
      method,
      path,
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
      body: body ? JSON.stringify(body) : null,
    });
    return { code: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
  }

  async watch(path: string) {
    const headers = { authorization: `Bearer ${this.token}` };
    return (await this.pool.request({ method: 'GET', path, headers })).body;
  }

  close(): Promise<void> {
    return this.pool.destroy();
  }
}

t.setTimeout(300_000);
t.test('load is shared', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'drydock-tokens-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const tokens = join(folder, 'tokens.csv');
  writeFileSync(
    tokens,
    ['flood,flood,1', 'quiet,quiet,2', 'boss,boss,3,system:masters'].join('\n'),
  );
  const cluster = await Cluster.start(t, [
    '--nodes=1',
    `--apiserver-arg=token-auth-file=${tokens}`,
    '--apiserver-arg=max-requests-inflight=8',
    '--apiserver-arg=max-mutating-requests-inflight=4',
  ]);
  const ca = readFileSync(join(cluster.dataDir, 'pki', 'ca.crt'));
  const url = await cluster.apiUrl();
  const as = (name: string, connections = 1) => {
    const user = new User(url, ca, name, connections);
    t.teardown(() => user.close());
    return user;
  };
  const boss = as('boss', 4);
  const quiet = as('quiet');
  const flood = as('flood', FLOOD_CLIENTS);
  const bound = await cluster.kubectl(
    'create clusterrolebinding users --clusterrole=edit --user=flood --user=quiet',
  );
  t.equal(bound.code, 0, bound.stderr);
  const map = (name: string) => ({ metadata: { name }, data: { text: 'x'.repeat(10_000) } });
  await boss.send('POST', MAPS, map('first'));

  let flooded = 0;
  const refused = new Set<string>();
  let stop = false;
  const pressing = (work: (client: number, n: number) => ReturnType<User['send']>) => {
    stop = false;
    return Promise.all(
      Array.from({ length: FLOOD_CLIENTS }, async (_, client) => {
        for (let n = 0; !stop; n++) {
          const { code, headers, text } = await work(client, n);
          if (code < 300) flooded++;
          else refused.add(`${code} ${headers['retry-after']} ${text.trim()}`);
        }
      }),
    );
  };

  await t.test('a flood by one user leaves others their share', async (t) => {
    const pressure = pressing((client, n) => flood.send('POST', MAPS, map(`f-${client}-${n}`)));
    await eventually('the flood has begun', async () => flooded > FLOOD_CLIENTS);
    const before = flooded;
    const codes = new Set<number>();
    for (let n = 0; n < QUIET_REQUESTS; n++)
      codes.add((await quiet.send('POST', MAPS, map(`q-${n}`))).code);
    const meanwhile = flooded - before;
    t.same([...codes], [201]);
    t.ok(
      meanwhile < QUIET_REQUESTS * FLOOD_FOR_EACH,
      `${meanwhile} of the flood passed before ${QUIET_REQUESTS} others`,
    );
    const dumped = await boss.send('GET', '/debug/api_priority_and_fairness/dump_priority_levels');
    t.match(dumped.text, /^PriorityLevelName, +ActiveQueues,/);
    const nodes = await cluster.kubectl('get nodes');
    t.equal(nodes.code, 0, 'the administrator gets in');
    stop = true;
    await pressure;
  });

  await t.test('rules that are new hold at once', async (t) => {
    const level = {
      metadata: { name: 'tiny' },
      spec: {
        type: 'Limited',
        limited: { nominalConcurrencyShares: 1, limitResponse: { type: 'Reject' } },
      },
    };
    const schema = {
      metadata: { name: 'the-flood' },
      spec: {
        matchingPrecedence: 50,
        priorityLevelConfiguration: { name: 'tiny' },
        distinguisherMethod: { type: 'ByUser' },
        rules: [
          {
            subjects: [{ kind: 'User', user: { name: 'flood' } }],
            resourceRules: [
              { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'] },
            ],
          },
        ],
      },
    };
    const dangling = async (status: string) => {
      const { text } = await boss.send('GET', `${FLOW_CONTROL}/flowschemas/the-flood`);
      const conditions = JSON.parse(text).status?.conditions ?? [];
      return conditions.some(
        (c: { type: string; status: string }) => c.type === 'Dangling' && c.status === status,
      );
    };
    const made = await boss.send('POST', `${FLOW_CONTROL}/flowschemas`, schema);
    t.equal(made.code, 201);
    const { uid } = JSON.parse(made.text).metadata;
    await eventually('its level is missing', () => dangling('True'));
    await boss.send('POST', `${FLOW_CONTROL}/prioritylevelconfigurations`, level);
    await eventually('its level is there', () => dangling('False'));
    const one = await flood.send('GET', `${MAPS}/first`);
    t.equal(one.headers['x-kubernetes-pf-flowschema-uid'], uid);
    refused.clear();
    const pressure = pressing((client, n) => flood.send('POST', MAPS, map(`g-${client}-${n}`)));
    await eventually('some are refused', async () => refused.size > 0);
    t.equal((await quiet.send('GET', `${MAPS}/first`)).code, 200, 'others do not notice');
    stop = true;
    await pressure;
    for (const answer of refused)
      t.match(answer, /^429 \d+ Too many requests, please try again later\.$/);
    const { text } = await boss.send('GET', '/metrics');
    t.match(
      text,
      /apiserver_flowcontrol_rejected_requests_total\{[^}]*flow_schema="the-flood"[^}]*reason="concurrency-limit"\} [1-9]/,
    );
  });

  await t.test('a server that is told to stop ends in order', async (t) => {
    const watch = await boss.watch(`${MAPS}?watch=true`);
    const { pid } = await cluster.process('apiserver');
    const writes = Array.from({ length: 4 }, (_, n) => boss.send('POST', MAPS, map(`last-${n}`)));
    // The first answer shows that all of them are under way.
    await writes[0];
    process.kill(pid ?? 0, 'SIGTERM');
    t.same(
      (await Promise.all(writes)).map(({ code }) => code),
      [201, 201, 201, 201],
    );
    let seen = '';
    for await (const chunk of watch) seen += chunk;
    t.match(seen, 'last-0', 'the watch ended as a whole, with what it had to tell');
    await eventually('it is back', async () => {
      const { code } = await cluster.kubectl('get --raw /readyz');
      return code === 0;
    });
    const { items } = await cluster.get<{ items: { metadata: { name: string } }[] }>(
      'leases -n kube-system -l apiserver.kubernetes.io/identity=kube-apiserver',
    );
    t.equal(items.length, 1, 'under the Lease that it had');
  });
});
