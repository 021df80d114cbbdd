/**
 * The supervisor's control socket: HTTP with JSON on a Unix socket that only the owner can open.
 *
 *   GET  /status                       { phase, reason?, pid, rows }
 *   POST /processes/NAME/kill|stop|start|restart   body { signal? }
 *   POST /nodes { name? }              { name }
 *   POST /nodes/NAME/remove
 *   POST /start-all                    starts what is down
 *   POST /down                         answers when all has stopped
 */
import { existsSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { signalOf } from './pid.js';
import type { ProcessRow, Supervisor } from './supervisor.js';

export type Phase = 'starting' | 'ready' | 'failed' | 'stopping';

export interface ControlStatus {
  phase: Phase;
  reason?: string;
  /** The supervisor's own; absent where none answered. */
  pid?: number;
  rows: ProcessRow[];
}

export interface ControlOptions {
  socket: string;
  supervisor: Supervisor;
  status(): ControlStatus;
  /** Called once, after `down` was asked for; resolves when all has stopped. */
  down(): Promise<void>;
}

export function listenForControl(options: ControlOptions): Promise<Server> {
  if (existsSync(options.socket)) rmSync(options.socket);
  const server = createServer(async (req, res) => {
    try {
      const answer = await route(options, req.method ?? 'GET', req.url ?? '/', await readJson(req));
      res.setHeader('content-type', 'application/json');
      res.end(JSON.stringify(answer));
    } catch (err) {
      res.statusCode = 400;
      res.end(JSON.stringify({ error: err instanceof Error ? err.message : String(err) }));
    }
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.socket, () => resolve(server));
  });
}

async function route(
  { supervisor, status, down }: ControlOptions,
  method: string,
  url: string,
  body: Record<string, unknown>,
): Promise<unknown> {
  const [, first, name = '', verb] = url.split('/').map(decodeURIComponent);
  if (method === 'GET' && first === 'status') return status();
  if (method !== 'POST') throw new Error(`${method} ${url} is not known`);
  if (first === 'down') {
    await down();
    return {};
  }
  if (first === 'start-all') {
    await supervisor.startAll();
    return {};
  }
  if (first === 'nodes' && verb === 'remove') {
    await supervisor.removeNode(name);
    return { name };
  }
  if (first === 'nodes') {
    return {
      name: await supervisor.addNode(typeof body.name === 'string' ? body.name : undefined),
    };
  }
  if (first !== 'processes') throw new Error(`${method} ${url} is not known`);
  switch (verb) {
    case 'kill': {
      const signal = signalOf(body.signal);
      if (!supervisor.find(name).signal(signal)) throw new Error(`${name} is not running`);
      return {};
    }
    case 'stop':
      await supervisor.stop(name);
      return {};
    case 'start':
      supervisor.find(name).start();
      return {};
    case 'restart':
      await supervisor.restart(name);
      return {};
    default:
      throw new Error(`${method} ${url} is not known`);
  }
}

async function readJson(req: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const chunk of req) text += chunk;
  const parsed: unknown = text === '' ? {} : JSON.parse(text);
  return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
}
