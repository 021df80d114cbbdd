/**
 * `--audit-log-path`: one JSON object a line, appended in order; `-` is standard output. A file that has
 * grown over its limit is put aside under the time (`audit-2026-01-02T03-04-05.678.log`), and the oldest of
 * those go. What cannot be written is counted and said once, never in the way of a request.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import type { Clock } from '../../../pkg/component/clock.js';
import type { Logger } from '../../../pkg/component/logger.js';

const MIB = 1024 * 1024;
/** Upstream's, where `--audit-log-maxsize` says nothing. */
const DEFAULT_MAX_MIB = 100;
/** Lines are gathered for this long, so that a busy server writes in large pieces. */
const FLUSH_MS = 20;
const DAY_MS = 86_400_000;

export interface AuditLogOptions {
  readonly path: string;
  /** 0: 100 MiB. */
  readonly maxSizeMib: number;
  /** Files put aside that are kept; 0: all. */
  readonly maxBackups: number;
  /** 0: for ever. */
  readonly maxAgeDays: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class AuditLogFile {
  private fd: number;
  private size = 0;
  private pending: string[] = [];
  private waiting = false;
  private failed = false;

  /** Throws where the file cannot be opened. */
  constructor(private readonly options: AuditLogOptions) {
    const { path } = options;
    if (path === '-') this.fd = 1;
    else {
      mkdirSync(dirname(path), { recursive: true });
      this.fd = openSync(path, 'a', 0o600);
      this.size = statSync(path).size;
    }
  }

  write(event: object): void {
    this.pending.push(`${JSON.stringify(event)}\n`);
    if (this.waiting) return;
    this.waiting = true;
    this.options.clock.after(FLUSH_MS, () => this.flush());
  }

  flush(): void {
    this.waiting = false;
    const lines = this.pending;
    this.pending = [];
    if (lines.length === 0) return;
    try {
      for (const line of lines) {
        const bytes = Buffer.from(line);
        if (this.size > 0 && this.size + bytes.length > this.limit) this.rotate();
        writeSync(this.fd, bytes);
        this.size += bytes.length;
      }
      this.failed = false;
    } catch (err) {
      if (!this.failed) this.options.logger.error({ err }, 'The audit log cannot be written');
      this.failed = true;
    }
  }

  close(): void {
    this.flush();
    if (this.fd !== 1) closeSync(this.fd);
  }

  private get limit(): number {
    return (this.options.maxSizeMib || DEFAULT_MAX_MIB) * MIB;
  }

  private rotate(): void {
    const { path, clock } = this.options;
    if (path === '-') return;
    closeSync(this.fd);
    const suffix = extname(path);
    const stem = basename(path, suffix);
    const stamp = new Date(clock.now()).toISOString().slice(0, -1).replaceAll(':', '-');
    renameSync(path, join(dirname(path), `${stem}-${stamp}${suffix}`));
    this.fd = openSync(path, 'a', 0o600);
    this.size = 0;
    this.dropOld(dirname(path), `${stem}-`, suffix);
  }

  private dropOld(folder: string, prefix: string, suffix: string): void {
    const { maxBackups, maxAgeDays, clock } = this.options;
    const aside = readdirSync(folder)
      .filter((name) => name.startsWith(prefix) && name.endsWith(suffix))
      .sort()
      .reverse();
    aside.forEach((name, i) => {
      const file = join(folder, name);
      const old = maxAgeDays > 0 && clock.now() - statSync(file).mtimeMs > maxAgeDays * DAY_MS;
      if (old || (maxBackups > 0 && i >= maxBackups)) rmSync(file, { force: true });
    });
  }
}
