/**
 * A running cluster in this process: supervisor, control socket and the way to ready. `up` in the
 * foreground and the supervisor that `up --detach` leaves behind are both this.
 */

import { rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Clock } from '../pkg/component/clock.js';
import type { ClusterConfig } from './cluster-config.js';
import { type ControlStatus, listenForControl, type Phase } from './control-server.js';
import type { Layout } from './layout.js';
import { AdminApi, waitUntilReady } from './readiness.js';
import type { ProcessEvents } from './supervised-process.js';
import { Supervisor } from './supervisor.js';

/** A cluster that is not ready by then is not going to be; the reason is in the logs. */
const READY_DEADLINE_MS = 120_000;

export interface ClusterEvents extends ProcessEvents {
  apiReady(): void;
  nodes(ready: number, wanted: number): void;
}

export interface ClusterOptions {
  layout: Layout;
  config: ClusterConfig;
  clock: Clock;
  events: ClusterEvents;
}

export class Cluster {
  readonly supervisor: Supervisor;
  private phase: Phase = 'starting';
  private reason: string | undefined;
  private server: Server | undefined;
  private readonly stopping = new AbortController();
  private stopped: Promise<void> | undefined;
  /** Resolves when the cluster has been stopped, from here or by `drydock down`. */
  readonly ended: Promise<void>;
  private end: () => void = () => undefined;

  constructor(private readonly options: ClusterOptions) {
    this.supervisor = new Supervisor(options);
    this.ended = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  /** Resolves when every node is Ready; throws, with the reason, when that does not come about. */
  async start(): Promise<void> {
    const { layout, config, clock, events } = this.options;
    try {
      this.server = await listenForControl({
        socket: layout.socket,
        supervisor: this.supervisor,
        status: () => this.status(),
        down: () => this.stop(),
      });
      await this.supervisor.startAll();
      const api = new AdminApi(this.apiAddress, layout);
      const deadline = AbortSignal.timeout(READY_DEADLINE_MS);
      try {
        await waitUntilReady({
          api,
          nodes: config.nodes,
          hollowNodes: config.hollowNodes,
          clock,
          signal: AbortSignal.any([this.stopping.signal, deadline]),
          onApiReady: events.apiReady,
          onNodes: events.nodes,
        });
      } finally {
        await api.close();
      }
      this.phase = 'ready';
    } catch (err) {
      if (this.phase === 'stopping') return;
      this.phase = 'failed';
      this.reason = err instanceof Error ? err.message : String(err);
      throw err;
    }
  }

  get apiAddress(): string {
    return this.supervisor.find('apiserver').launch.address;
  }

  get isStopping(): boolean {
    return this.phase === 'stopping';
  }

  status(): ControlStatus {
    return {
      phase: this.phase,
      ...(this.reason === undefined ? {} : { reason: this.reason }),
      pid: process.pid,
      rows: this.supervisor.rows(),
    };
  }

  /** Ends every process and keeps the data. Safe to call twice. */
  stop(): Promise<void> {
    this.stopped ??= this.stopOnce();
    return this.stopped;
  }

  private async stopOnce(): Promise<void> {
    this.phase = 'stopping';
    this.stopping.abort(new Error('stopped'));
    await this.supervisor.stopAll();
    rmSync(this.options.layout.socket, { force: true });
    // Open control connections, the one that asked for this among them, get their answer first.
    this.server?.close();
    this.end();
  }
}
