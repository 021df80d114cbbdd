/**
 * Container logs in CRI's format (`TIME STREAM F|P TEXT` a line), under
 * `pods/NAMESPACE_NAME_UID/CONTAINER/ATTEMPT.log`, rotated at 10 MiB into `.1` … `.4`. Files appear with the
 * first line; nothing is held open between writes, so many quiet containers cost nothing.
 */
import { existsSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { formatMicroTime } from '../../pkg/apimachinery/meta.js';

const MAX_BYTES = 10 * 1024 * 1024;
const MAX_FILES = 5;

export class LogWriter {
  private bytes: number | undefined;
  private pending = '';
  private flushing: NodeJS.Immediate | undefined;

  constructor(readonly path: string) {}

  write(at: number, stream: 'stdout' | 'stderr', text: string): void {
    const time = formatMicroTime(new Date(at)).replace('Z', '000Z');
    const lines = text.split('\n');
    const tail = lines.pop() ?? '';
    for (const line of lines) this.pending += `${time} ${stream} F ${line}\n`;
    if (tail !== '') this.pending += `${time} ${stream} P ${tail}\n`;
    this.flushing ??= setImmediate(() => this.flush());
  }

  flush(): void {
    if (this.flushing) clearImmediate(this.flushing);
    this.flushing = undefined;
    if (this.pending === '') return;
    const text = this.pending;
    this.pending = '';
    if (this.bytes === undefined) {
      mkdirSync(dirname(this.path), { recursive: true });
      this.bytes = existsSync(this.path) ? statSync(this.path).size : 0;
    }
    if (this.bytes > MAX_BYTES) this.rotate();
    writeFileSync(this.path, text, { flag: 'a', mode: 0o640 });
    this.bytes += Buffer.byteLength(text);
  }

  private rotate(): void {
    for (let n = MAX_FILES - 1; n > 0; n--) {
      const from = n === 1 ? this.path : `${this.path}.${n - 1}`;
      if (existsSync(from)) renameSync(from, `${this.path}.${n}`);
    }
    this.bytes = 0;
  }
}

/** Also the files that were rotated away. */
export async function removeLog(path: string): Promise<void> {
  await Promise.all(
    [path, ...Array.from({ length: MAX_FILES - 1 }, (_, n) => `${path}.${n + 1}`)].map((file) =>
      rm(file, { force: true }),
    ),
  );
}
