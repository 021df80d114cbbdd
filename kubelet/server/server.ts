/**
 * The kubelet's HTTPS server (`pkg/kubelet/server`), port 10250. Callers show a certificate of the cluster's
 * CA and are the apiserver's kubelet client or in `system:masters`; only `/healthz` is open to all. With
 * many nodes in one process a path's pod says which node is meant.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Pod } from '../../pkg/api/types.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import type { NodeAgent } from '../node/node-agent.js';
import { uidOf } from '../pod/pod.js';
import { parseLogOptions, readLogs } from './container-logs.js';
import { metricsText } from './metrics.js';
import { type SummaryTimes, statsSummary } from './stats-summary.js';

const KUBELET_CLIENTS = new Set([
  'kube-apiserver-kubelet-client',
  'apiserver-kubelet-client',
  'kube-apiserver',
]);
const ADMINS = 'system:masters';

export interface KubeletServerOptions {
  readonly address: string;
  readonly port: number;
  readonly cert: string;
  readonly key: string;
  /** Absent: only /healthz is served. */
  readonly clientCa?: string;
  agents(): Iterable<NodeAgent>;
  /** As `/configz` shows it. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Not well for a reason: /healthz answers 500 with it. */
  health(): string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

class HttpError extends Error {
  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
    this.name = 'HttpError';
  }
}

export class KubeletServer {
  private readonly server: Server;
  private readonly startedAt: number;

  constructor(private readonly options: KubeletServerOptions) {
    const { cert, key, clientCa } = options;
    this.startedAt = options.clock.now();
    this.server = createServer(
      {
        cert,
        key,
        ...(clientCa === undefined
          ? {}
          : { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
      },
      (req, res) => {
        this.serve(req, res).catch((err: unknown) => this.fail(res, err));
      },
    );
  }

  /** Resolves to the port. */
  listen(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.options.port, this.options.address, () => {
        this.server.off('error', reject);
        const bound = this.server.address();
        resolve(typeof bound === 'object' && bound ? bound.port : this.options.port);
      });
    });
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? '/', 'https://kubelet');
    const [root = '', ...rest] = url.pathname.split('/').slice(1).map(decodeURIComponent);
    if (root === 'healthz' && rest.length === 0) {
      const fault = this.options.health();
      if (fault !== undefined) throw new HttpError(500, fault);
      return text(res, 'ok');
    }
    this.authorize(req);
    switch (root) {
      case 'healthz':
        return text(res, 'ok');
      case 'pods':
      case 'runningpods':
        return json(res, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: this.pods() });
      case 'containerLogs':
        return this.containerLogs(rest, url.searchParams, res);
      case 'configz':
        return json(res, { kubeletconfig: this.options.config });
      case 'stats':
        return json(res, await statsSummary([...this.options.agents()], this.times()));
      case 'metrics':
        return text(
          res,
          await metricsText([...this.options.agents()], rest[0], this.times()),
          'text/plain; version=0.0.4',
        );
      case 'exec':
      case 'attach':
      case 'portForward':
      case 'run':
        throw new HttpError(501, `${root} is not supported by this kubelet's container runtime`);
      default:
        throw new HttpError(404, '404 page not found');
    }
  }

  private authorize(req: IncomingMessage): void {
    const socket = req.socket as TLSSocket;
    const { subject } = socket.getPeerCertificate();
    if (!socket.authorized || !subject) throw new HttpError(401, 'Unauthorized');
    const groups: readonly string[] = [subject.O].flat();
    if (groups.includes(ADMINS) || KUBELET_CLIENTS.has(subject.CN)) return;
    const verb = req.method === 'POST' ? 'create' : 'get';
    throw new HttpError(
      403,
      `Forbidden (user=${subject.CN}, verb=${verb}, resource=nodes, subresource=proxy)`,
    );
  }

  private times(): SummaryTimes {
    return { now: this.options.clock.now(), startedAt: this.startedAt };
  }

  private pods(): Pod[] {
    return [...this.options.agents()].flatMap((agent) => agent.pods());
  }

  private async containerLogs(
    path: string[],
    query: URLSearchParams,
    res: ServerResponse,
  ): Promise<void> {
    const [namespace = '', name = '', container = ''] = path;
    if (path.length !== 3) throw new HttpError(400, '{"message": "missing container name!"}');
    const found = this.find(namespace, name);
    if (!found) throw new HttpError(404, `pod ${JSON.stringify(name)} not found`);
    const { pod, agent } = found;
    const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
    if (
      ![...containers, ...initContainers, ...ephemeralContainers].some((c) => c.name === container)
    ) {
      throw new HttpError(
        404,
        `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(name)}`,
      );
    }
    const options = this.logOptions(query);
    const previous = query.get('previous') === 'true';
    const runs = async () =>
      (await agent.runtime.podStatus(uidOf(pod))).containers.filter((c) => c.name === container);
    const [current, before] = await runs();
    const run = previous ? before : current?.state === 'created' ? before : current;
    if (!run) {
      const where = `container ${JSON.stringify(container)} in pod ${JSON.stringify(name)}`;
      throw new HttpError(
        400,
        previous
          ? `previous terminated ${where.replace(' in', `${''} in`)} not found`
          : `${where} is waiting to start: ${waitingFor(pod, container)}`,
      );
    }
    const running = async () =>
      (await runs()).some((c) => c.id === run.id && c.state === 'running');
    const gone = new AbortController();
    res.on('close', () => gone.abort(new Error('the client went away')));
    res.writeHead(200, { 'Content-Type': 'text/plain', 'Transfer-Encoding': 'chunked' });
    res.flushHeaders();
    try {
      for await (const part of readLogs(
        { path: run.logPath, running },
        options,
        this.options.clock,
        gone.signal,
      )) {
        if (!res.write(part)) await drained(res, gone.signal);
      }
    } catch (err) {
      if (!gone.signal.aborted) throw err;
    }
    res.end();
  }

  private logOptions(query: URLSearchParams) {
    try {
      return parseLogOptions(query, this.options.clock.now());
    } catch (err) {
      throw new HttpError(400, err instanceof Error ? err.message : String(err));
    }
  }

  private find(namespace: string, name: string): { pod: Pod; agent: NodeAgent } | undefined {
    for (const agent of this.options.agents()) {
      const pod = agent
        .pods()
        .find((p) => p.metadata?.namespace === namespace && p.metadata.name === name);
      if (pod) return { pod, agent };
    }
    return undefined;
  }

  private fail(res: ServerResponse, err: unknown): void {
    const known = err instanceof HttpError;
    if (!known) this.options.logger.error({ err }, 'A request to the kubelet failed');
    if (res.headersSent) {
      res.destroy();
      return;
    }
    const message = err instanceof Error ? err.message : String(err);
    res.writeHead(known ? err.code : 500, { 'Content-Type': 'text/plain; charset=utf-8' });
    res.end(`${message}\n`);
  }
}

function waitingFor(pod: Pod, container: string): string {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const status = [...containerStatuses, ...initContainerStatuses].find((s) => s.name === container);
  const reason = status?.state?.waiting?.reason ?? 'ContainerCreating';
  if (reason === 'ErrImagePull') return "image can't be pulled";
  if (reason === 'ImagePullBackOff') return 'trying and failing to pull image';
  return reason;
}

function drained(res: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    res.once('drain', resolve);
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function text(res: ServerResponse, body: string, type = 'text/plain; charset=utf-8'): void {
  res.writeHead(200, { 'Content-Type': type });
  res.end(body);
}

function json(res: ServerResponse, body: unknown): void {
  res.writeHead(200, { 'Content-Type': 'application/json' });
  res.end(JSON.stringify(body));
}
