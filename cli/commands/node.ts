/** `drydock node add|remove`: a node more, or less, while the cluster runs. */
import { isDNS1123Subdomain } from '../../pkg/apimachinery/validation/names.js';
import { RealClock } from '../../pkg/component/clock.js';
import { control } from '../control-client.js';
import type { ControlStatus } from '../control-server.js';
import { Layout } from '../layout.js';
import { AdminApi, waitUntilReady } from '../readiness.js';

const READY_DEADLINE_MS = 60_000;

export async function addNode(dataDir: string, wanted: string | undefined): Promise<number> {
  const layout = new Layout(dataDir);
  const [fault] = wanted === undefined ? [] : isDNS1123Subdomain(wanted);
  if (fault !== undefined)
    throw new Error(`${JSON.stringify(wanted)} is no name of a node: ${fault}`);
  const { name } = await control<{ name: string }>(
    layout,
    'POST',
    '/nodes',
    wanted ? { name: wanted } : {},
  );
  const api = await adminApi(layout);
  try {
    await waitUntilReady({
      api,
      nodes: [name],
      hollowNodes: 0,
      clock: new RealClock(),
      signal: AbortSignal.timeout(READY_DEADLINE_MS),
      onApiReady: () => undefined,
      onNodes: () => undefined,
    });
  } finally {
    await api.close();
  }
  process.stdout.write(`node ${name} is Ready\n`);
  return 0;
}

/** The last node when none is named. Its kubelet goes first, so that it cannot register itself again. */
export async function removeNode(dataDir: string, wanted: string | undefined): Promise<number> {
  const layout = new Layout(dataDir);
  const name = wanted ?? (await lastNode(layout));
  await control(layout, 'POST', `/nodes/${encodeURIComponent(name)}/remove`);
  const api = await adminApi(layout);
  try {
    const answer = await api.call(
      'DELETE',
      `/api/v1/nodes/${name}`,
      AbortSignal.timeout(READY_DEADLINE_MS),
    );
    if (answer.code !== 200 && answer.code !== 404) throw new Error(answer.text);
  } finally {
    await api.close();
  }
  process.stdout.write(`node ${name} removed\n`);
  return 0;
}

async function lastNode(layout: Layout): Promise<string> {
  const { rows } = await control<ControlStatus>(layout, 'GET', '/status');
  const kubelets = rows.filter(
    (row) => row.name.startsWith('kubelet-') && row.name !== 'kubelet-hollow',
  );
  const last = kubelets.at(-1);
  if (!last) throw new Error('there is no node to remove');
  return last.name.slice('kubelet-'.length);
}

async function adminApi(layout: Layout): Promise<AdminApi> {
  const { rows } = await control<ControlStatus>(layout, 'GET', '/status');
  return new AdminApi(rows.find((row) => row.name === 'apiserver')?.address ?? '', layout);
}
