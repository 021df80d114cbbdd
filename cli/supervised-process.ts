/**
 * One process under supervision. It is kept alive, not a child: its output goes to its log file and its
 * identity to run/NAME.json, so that it outlives a supervisor that is killed, and the next one adopts it.
 *
 *            start()                    dies                   back-off over
 *  stopped ──────────▶ running ──────────────────▶ back-off ──────────────────▶ running
 *     ▲                   │ stop()                    │ stop()
 *     └───────────────────┴──────────────────────────┘
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Clock, Timer } from '../pkg/component/clock.js';
import type { Launch } from './launch/index.js';
import type { Layout } from './layout.js';
import { identify, isAlive, type ProcessIdentity } from './pid.js';

export type ProcessState = 'running' | 'back-off' | 'stopped';

interface ProcessRecord extends ProcessIdentity {
  since: string;
  restarts: number;
}

/** The first restart comes at once, as a person who kills a process expects. */
const FIRST_BACKOFF_MS = 100;
const LONGEST_BACKOFF_MS = 10_000;
/** A process that ran this long is healthy: its next death starts the back-off anew. */
const HEALTHY_AFTER_MS = 20_000;
/** How often an adopted process, which is no child and so sends no exit event, is looked at. */
const ADOPTED_POLL_MS = 200;
const LOG_ROTATE_BYTES = 32 * 1024 * 1024;

/** dist/bin, beside which this file is bundled. */
const BIN = join(dirname(fileURLToPath(import.meta.url)), '.');

export interface ProcessEvents {
  died(process: SupervisedProcess, how: string, backoffMs: number): void;
  started(process: SupervisedProcess): void;
}

export class SupervisedProcess {
  state: ProcessState = 'stopped';
  restarts = 0;
  /** Since when the state holds. */
  since: number;
  private identity: ProcessIdentity | undefined;
  private startedAt = 0;
  private backoffMs = FIRST_BACKOFF_MS;
  private timer: Timer | undefined;
  private exitWaiters: (() => void)[] = [];

  constructor(
    readonly launch: Launch,
    private readonly layout: Layout,
    private readonly clock: Clock,
    private readonly events: ProcessEvents,
  ) {
    this.since = clock.now();
  }

  get name(): string {
    return this.launch.name;
  }

  get pid(): number | undefined {
    return this.state === 'running' ? this.identity?.pid : undefined;
  }

  /** Starts the process, or takes over the one that a former supervisor left running. */
  start(): void {
    this.timer?.stop();
    if (this.state === 'running') return;
    const record = this.readRecord();
    if (record && isAlive(record)) this.adopt(record);
    else this.spawn();
  }

  /** Sends a signal; false where there is no process to send it to. */
  signal(signal: NodeJS.Signals): boolean {
    return this.state === 'running' && this.identity !== undefined && send(this.identity, signal);
  }

  /** Ends the process and keeps it down: SIGTERM, and SIGKILL when it takes longer than `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    this.timer?.stop();
    const { identity } = this;
    if (identity) this.signal('SIGTERM');
    this.setState('stopped');
    if (!identity) return;
    const gone = new Promise<void>((resolve) => this.exitWaiters.push(resolve));
    const force = this.clock.after(graceMs, () => send(identity, 'SIGKILL'));
    await gone;
    force.stop();
  }

  private spawn(): void {
    rotate(this.layout.log(this.name));
    mkdirSync(dirname(this.layout.log(this.name)), { recursive: true });
    const log = openSync(this.layout.log(this.name), 'a', 0o600);
    this.startedAt = this.clock.now();
    this.setState('running');
    try {
      const child = spawn(
        process.execPath,
        [...this.launch.nodeArgs, join(BIN, `${this.launch.program}.js`), ...this.launch.args],
        // A group of its own: Ctrl-C reaches the supervisor alone, which then stops all in order.
        { stdio: ['ignore', log, log], detached: true },
      );
      child.unref();
      const { pid } = child;
      const identity = pid === undefined ? undefined : (identify(pid) ?? { pid, started: '' });
      this.identity = identity;
      child.on('error', (err) => this.onExit(identity, err.message));
      child.on('exit', (code, signal) => this.onExit(identity, signal ?? `exit code ${code}`));
      if (!identity) return;
      this.standBack(identity.pid);
    } finally {
      closeSync(log);
    }
    this.writeRecord();
    this.events.started(this);
  }

  private standBack(pid: number): void {
    if (this.launch.niceness === undefined) return;
    try {
      setPriority(pid, this.launch.niceness);
    } catch {
      // It has ended already, which its exit tells.
    }
  }

  private adopt(record: ProcessRecord): void {
    this.identity = record;
    this.restarts = record.restarts;
    this.startedAt = Date.parse(record.since);
    this.setState('running');
    this.since = this.startedAt;
    // Goes on while the process is being stopped: nothing else would tell that it has ended.
    const poll = () => {
      if (this.identity !== record) return;
      if (isAlive(record)) this.clock.after(ADOPTED_POLL_MS, poll);
      else this.onExit(record, 'gone');
    };
    poll();
    this.events.started(this);
  }

  private onExit(identity: ProcessIdentity | undefined, how: string): void {
    if (this.identity !== identity) return;
    this.identity = undefined;
    for (const resolve of this.exitWaiters.splice(0)) resolve();
    if (this.state !== 'running') return;
    if (this.clock.now() - this.startedAt >= HEALTHY_AFTER_MS) this.backoffMs = FIRST_BACKOFF_MS;
    const wait = this.backoffMs;
    this.backoffMs = Math.min(this.backoffMs * 2, LONGEST_BACKOFF_MS);
    this.setState('back-off');
    this.events.died(this, how, wait);
    this.timer = this.clock.after(wait, () => {
      this.restarts++;
      this.spawn();
    });
  }

  private setState(state: ProcessState): void {
    this.state = state;
    this.since = this.clock.now();
  }

  private writeRecord(): void {
    if (!this.identity) return;
    const record: ProcessRecord = {
      ...this.identity,
      since: new Date(this.startedAt).toISOString(),
      restarts: this.restarts,
    };
    const path = this.layout.record(this.name);
    writeFileSync(`${path}.new`, JSON.stringify(record));
    renameSync(`${path}.new`, path);
  }

  private readRecord(): ProcessRecord | undefined {
    return readRecord(this.layout, this.name);
  }
}

/** False when it is no longer there. */
function send(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch {
    // It died in between; its end is noticed elsewhere.
    return false;
  }
}

/** What the last supervisor wrote about a process; it may be dead by now. */
export function readRecord(layout: Layout, name: string): ProcessRecord | undefined {
  try {
    return JSON.parse(readFileSync(layout.record(name), 'utf8')) as ProcessRecord;
  } catch {
    return undefined;
  }
}

/** Keeps one older log, so that a cluster that runs for weeks does not fill the disk. */
function rotate(path: string): void {
  try {
    if (statSync(path).size > LOG_ROTATE_BYTES) renameSync(path, `${path}.1`);
  } catch {
    // There is no log yet.
  }
}
