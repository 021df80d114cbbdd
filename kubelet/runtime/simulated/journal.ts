/**
 * What outlives the kubelet: one append-only file of JSON lines for all nodes of a process. A line is the
 * whole record of a sandbox, a container or an image, or says that one is gone; the last line wins.
 * Lines of one turn of the event loop are one write, made before anyone hears of the change over the
 * network; the operating system keeps them when the process is killed. Read and rewritten at start.
 */
import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

export type RecordKind = 'sandbox' | 'container' | 'image';

interface Line {
  readonly node: string;
  readonly kind: RecordKind;
  readonly id: string;
  /** Absent: it is gone. */
  readonly value?: unknown;
}

/** The file is rewritten when it holds this many lines more than twice its records. */
const SLACK_LINES = 20_000;

export class Journal {
  private pending: string[] = [];
  private fd: number | undefined;
  private lines = 0;
  private flushing: NodeJS.Immediate | undefined;
  private limit = SLACK_LINES;

  constructor(private readonly file: string) {}

  /** Each record that is left, in the order in which it was first written. A torn last line is dropped. */
  load(): { node: string; kind: RecordKind; value: unknown }[] {
    mkdirSync(dirname(this.file), { recursive: true });
    return this.compact().map(({ node, kind, value }) => ({ node, kind, value }));
  }

  put(node: string, kind: RecordKind, id: string, value: unknown): void {
    this.append({ node, kind, id, value });
  }

  remove(node: string, kind: RecordKind, id: string): void {
    this.append({ node, kind, id });
  }

  flush(): void {
    if (this.flushing) clearImmediate(this.flushing);
    this.flushing = undefined;
    if (this.pending.length === 0) return;
    const text = this.pending.join('');
    this.pending = [];
    if (this.fd === undefined) throw new Error('the journal is not open');
    writeSync(this.fd, text);
    if (this.lines > this.limit) this.compact();
  }

  close(): void {
    if (this.fd === undefined) return;
    this.flush();
    closeSync(this.fd);
    this.fd = undefined;
  }

  private append(line: Line): void {
    this.pending.push(`${JSON.stringify(line)}\n`);
    this.lines++;
    this.flushing ??= setImmediate(() => this.flush());
  }

  /** Leaves one line a record; the file is read for it, so that nothing of it is held in memory. */
  private compact(): Line[] {
    const found = new Map<string, Line>();
    for (const text of this.read().split('\n')) {
      const line = parseLine(text);
      if (!line) continue;
      if (line.value === undefined) found.delete(keyOf(line));
      else found.set(keyOf(line), line);
    }
    const left = [...found.values()];
    const next = `${this.file}.next`;
    writeFileSync(next, left.map((line) => `${JSON.stringify(line)}\n`).join(''), { mode: 0o600 });
    renameSync(next, this.file);
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = openSync(this.file, 'a', 0o600);
    this.lines = left.length;
    this.limit = left.length * 2 + SLACK_LINES;
    return left;
  }

  private read(): string {
    try {
      return readFileSync(this.file, 'utf8');
    } catch (err) {
      if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return '';
      throw err;
    }
  }
}

function keyOf(line: { node: string; kind: string; id: string }): string {
  return `${line.node}/${line.kind}/${line.id}`;
}

function parseLine(text: string): Line | undefined {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
