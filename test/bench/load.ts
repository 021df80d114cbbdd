/**
 * The load generator, a process of its own so that it does not slow down what it measures from within:
 * reads one job as JSON from its standard input, runs it over TLS with a client certificate, one connection
 * a client, and prints the outcome as JSON.
 */
import { readFileSync } from 'node:fs';
import { Client } from 'undici';

export interface Job {
  readonly server: string;
  /** File names of PEM text. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly load: Load;
}

export type Load =
  /** Creates objects; `%` in the body is replaced by each object's name. */
  | {
      readonly kind: 'create';
      readonly path: string;
      readonly body: string;
      readonly prefix: string;
      readonly clients: number;
      readonly count: number;
    }
  /** GETs paths in turn, `count` in all or as many as `seconds` allow. */
  | {
      readonly kind: 'get';
      readonly paths: readonly string[];
      readonly clients: number;
      readonly seconds: number;
      /** Absent: whatever the server answers by itself. */
      readonly accept?: string;
    }
  /** Opens watches, then creates one object after the other, each when all have seen the one before. */
  | {
      readonly kind: 'watch';
      readonly watch: string;
      readonly create: string;
      readonly body: string;
      readonly watchers: number;
      readonly events: number;
    };

export interface Outcome {
  readonly done: number;
  readonly seconds: number;
  readonly bytes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** So many handshakes at a time: a server is measured, not its accept queue. */
const CONNECTS_AT_A_TIME = 32;

export async function runJob({ server, ca, cert, key, load }: Job): Promise<Outcome> {
  const connect = {
    ca: readFileSync(ca, 'utf8'),
    cert: readFileSync(cert, 'utf8'),
    key: readFileSync(key, 'utf8'),
  };
  const clients: Client[] = [];
  const newClient = (): Client => {
    const client = new Client(server, { connect, bodyTimeout: 0, headersTimeout: 60_000 });
    clients.push(client);
    return client;
  };
  try {
    switch (load.kind) {
      case 'create':
        return await create(load, newClient);
      case 'get':
        return await get(load, newClient);
      case 'watch':
        return await watch(load, newClient);
    }
  } finally {
    await Promise.all(clients.map((client) => client.destroy()));
  }
}

async function create(load: Load & { kind: 'create' }, newClient: () => Client): Promise<Outcome> {
  const connections = await connected(load.clients, newClient);
  let next = 0;
  return measured(connections, async (client) => {
    if (next >= load.count) return undefined;
    const body = load.body.replaceAll('%', `${load.prefix}-${next++}`);
    return post(client, load.path, body);
  });
}

async function get(load: Load & { kind: 'get' }, newClient: () => Client): Promise<Outcome> {
  const connections = await connected(load.clients, newClient);
  const end = performance.now() + load.seconds * 1000;
  const headers = load.accept === undefined ? {} : { accept: load.accept };
  let next = 0;
  return measured(connections, async (client) => {
    if (performance.now() >= end) return undefined;
    const path = load.paths[next++ % load.paths.length] as string;
    const { statusCode, body } = await client.request({ method: 'GET', path, headers });
    let bytes = 0;
    for await (const chunk of body) bytes += chunk.length;
    if (statusCode !== 200) throw new Error(`GET ${path} answered ${statusCode}`);
    return bytes;
  });
}

async function watch(load: Load & { kind: 'watch' }, newClient: () => Client): Promise<Outcome> {
  const connections = await connected(load.watchers, newClient);
  let seen = 0;
  let bytes = 0;
  let allSeen: () => void = () => undefined;
  let failed: (err: Error) => void = () => undefined;
  await inTurns(connections, async (client) => {
    const { statusCode, body } = await client.request({ method: 'GET', path: load.watch });
    if (statusCode !== 200) throw new Error(`GET ${load.watch} answered ${statusCode}`);
    body.on('error', (err) => failed(err));
    body.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      // An event ends with its only newline.
      if (chunk[chunk.length - 1] !== 10) return;
      if (++seen % load.watchers === 0) allSeen();
    });
  });
  const writer = newClient();
  const latencies: number[] = [];
  await post(writer, load.create, load.body.replaceAll('%', 'warm-up'));
  while (seen < load.watchers) await new Promise((resolve) => setTimeout(resolve, 5));
  const began = performance.now();
  for (let i = 0; i < load.events; i++) {
    const from = performance.now();
    const delivered = new Promise<void>((resolve, reject) => {
      allSeen = resolve;
      failed = reject;
    });
    await post(writer, load.create, load.body.replaceAll('%', `event-${i}`));
    await delivered;
    latencies.push(performance.now() - from);
  }
  const ended = performance.now();
  failed = () => undefined;
  return outcome(load.events * load.watchers, (ended - began) / 1000, bytes, latencies);
}

/** Runs `step` again and again on every client until it has nothing more to do. */
async function measured(
  clients: readonly Client[],
  step: (client: Client) => Promise<number | undefined>,
): Promise<Outcome> {
  const latencies: number[] = [];
  let bytes = 0;
  const began = performance.now();
  const loop = async (client: Client) => {
    for (;;) {
      const from = performance.now();
      const got = await step(client);
      if (got === undefined) return;
      bytes += got;
      latencies.push(performance.now() - from);
    }
  };
  await Promise.all(clients.map(loop));
  return outcome(latencies.length, (performance.now() - began) / 1000, bytes, latencies);
}

/** Clients whose handshakes are over. */
async function connected(count: number, newClient: () => Client): Promise<Client[]> {
  const clients = Array.from({ length: count }, newClient);
  await inTurns(clients, async (client) => {
    const { body } = await client.request({ method: 'GET', path: '/version' });
    await body.text();
  });
  return clients;
}

async function inTurns(
  clients: readonly Client[],
  step: (client: Client) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < clients.length; i = next++) await step(clients[i] as Client);
  };
  await Promise.all(Array.from({ length: CONNECTS_AT_A_TIME }, worker));
}

async function post(client: Client, path: string, body: string): Promise<number> {
  const headers = { 'content-type': 'application/json' };
  const answer = await client.request({ method: 'POST', path, body, headers });
  const text = await answer.body.text();
  if (answer.statusCode !== 201) throw new Error(`POST ${path}: ${answer.statusCode} ${text}`);
  return text.length;
}

function outcome(done: number, seconds: number, bytes: number, latencies: number[]): Outcome {
  latencies.sort((a, b) => a - b);
  const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))] ?? 0;
  return { done, seconds, bytes, p50Ms: at(0.5), p99Ms: at(0.99) };
}
