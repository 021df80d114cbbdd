/**
 * A small file beside the database that says: revision N was on disk. LevelDB takes a log that ends early
 * for one that a crash cut short and silently starts without its tail; with the witness a truncated or
 * removed log is noticed. It is written after each commit, at most one write in flight, and never holds
 * a commit up: it may lag behind the database, it is never ahead of it.
 */
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { crc32 } from './crc32.js';

const BYTES = 16;
const MAGIC = 0x64647731; // 'ddw1'

export class Witness {
  private writing: Promise<void> | undefined;
  private wanted = 0;
  private written = 0;

  private constructor(
    private readonly file: FileHandle,
    private readonly onFailure: (err: unknown) => void,
  ) {}

  /** The revision that the file vouches for; undefined when there is no file. Throws on a damaged one. */
  static async read(path: string): Promise<number | undefined> {
    let bytes: Buffer;
    try {
      bytes = await readFile(path);
    } catch (err) {
      if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return undefined;
      throw err;
    }
    if (bytes.length === 0) return 0; // created, and killed before the first write
    if (
      bytes.length !== BYTES ||
      bytes.readUInt32BE(0) !== MAGIC ||
      bytes.readUInt32BE(12) !== crc32(bytes.subarray(0, 12))
    ) {
      throw new Error(`${path} is damaged: its checksum does not match`);
    }
    return bytes.readUIntBE(6, 6);
  }

  static async open(path: string, onFailure: (err: unknown) => void): Promise<Witness> {
    const { O_CREAT, O_RDWR } = (await import('node:fs')).constants;
    return new Witness(await open(path, O_CREAT | O_RDWR, 0o600), onFailure);
  }

  record(revision: number): void {
    this.wanted = revision;
    this.writing ??= this.write();
  }

  async close(): Promise<void> {
    await this.writing;
    if (this.wanted > this.written) await this.write();
    await this.file.close();
  }

  private async write(): Promise<void> {
    try {
      while (this.wanted > this.written) {
        const revision = this.wanted;
        const bytes = Buffer.alloc(BYTES);
        bytes.writeUInt32BE(MAGIC, 0);
        bytes.writeUIntBE(revision, 6, 6);
        bytes.writeUInt32BE(crc32(bytes.subarray(0, 12)), 12);
        await this.file.write(bytes, 0, BYTES, 0);
        this.written = revision;
      }
    } catch (err) {
      this.onFailure(err);
    } finally {
      this.writing = undefined;
    }
  }
}
