/**
 * When is a cluster up? When `/readyz` of the apiserver is ok and every node is Ready, asked as the admin
 * would ask, over TLS.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pool as PoolType } from 'undici';
import request from 'undici/lib/api/api-request.js';
import Pool from 'undici/lib/dispatcher/pool.js';
import type { Clock } from '../pkg/component/clock.js';
import type { Layout } from './layout.js';

const POLL_MS = 40;

interface NodeList {
  items: {
    metadata: { name: string };
    status?: { conditions?: { type: string; status: string }[] };
  }[];
}

export class AdminApi {
  private readonly pool: PoolType;
  constructor(server: string, layout: Layout) {
    const pem = (file: string) => readFileSync(join(layout.pki, file), 'utf8');
    this.pool = new Pool(server, {
      connect: { ca: pem('ca.crt'), cert: pem('admin.crt'), key: pem('admin.key') },
      connections: 2,
    });
  }

  /** Throws on a connection that fails; answers of any code are returned. */
  async call(
    method: 'GET' | 'DELETE',
    path: string,
    signal: AbortSignal,
  ): Promise<{ code: number; text: string }> {
    const answer = await request.call(this.pool, { method, path, signal });
    return { code: answer.statusCode, text: await answer.body.text() };
  }

  async readyNodes(signal: AbortSignal): Promise<Set<string>> {
    const { code, text } = await this.call('GET', '/api/v1/nodes', signal);
    if (code !== 200) return new Set();
    const nodes = JSON.parse(text) as NodeList;
    const isReady = (node: NodeList['items'][number]) =>
      node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true;
    return new Set(nodes.items.filter(isReady).map((node) => node.metadata.name));
  }

  close(): Promise<void> {
    return this.pool.destroy();
  }
}

export interface ReadyWait {
  api: AdminApi;
  nodes: readonly string[];
  hollowNodes: number;
  clock: Clock;
  signal: AbortSignal;
  /** Told of every step, for the progress lines. */
  onApiReady(): void;
  onNodes(ready: number, wanted: number): void;
}

/** Resolves when all is ready; rejects with what is missing where the signal's time is up, else with its reason. */
export async function waitUntilReady(wait: ReadyWait): Promise<void> {
  const missing = new Set(['the API server']);
  try {
    await reach(wait, missing);
  } catch (err) {
    const { reason } = wait.signal;
    if (!(reason instanceof DOMException && reason.name === 'TimeoutError')) throw err;
    throw new Error(`not ready in time: ${[...missing].join(', ')}`, { cause: err });
  }
}

async function reach(wait: ReadyWait, missing: Set<string>): Promise<void> {
  await poll(wait, async () => (await wait.api.call('GET', '/readyz', wait.signal)).code === 200);
  wait.onApiReady();
  const wanted = wait.nodes.length + wait.hollowNodes;
  let seen = -1;
  await poll(wait, async () => {
    const ready = await wait.api.readyNodes(wait.signal);
    const absent = wait.nodes.filter((node) => !ready.has(node));
    const own = wait.nodes.length - absent.length;
    const others = Math.min(wait.hollowNodes, ready.size - own);
    missing.clear();
    for (const node of absent) missing.add(`node ${node}`);
    if (others < wait.hollowNodes) missing.add(`${wait.hollowNodes - others} hollow nodes`);
    if (own + others !== seen) {
      seen = own + others;
      wait.onNodes(seen, wanted);
    }
    return seen >= wanted;
  });
}

async function poll(wait: ReadyWait, done: () => Promise<boolean>): Promise<void> {
  for (;;) {
    wait.signal.throwIfAborted();
    try {
      if (await done()) return;
    } catch (err) {
      // Not listening yet: that is what we wait for. An abort ends the wait below.
      if (wait.signal.aborted) throw err;
    }
    await wait.clock.sleep(POLL_MS, wait.signal);
  }
}
