/**
 * Reads a configuration file again whenever it changes: as soon as its folder says so (a file that is replaced,
 * or a link that leads elsewhere, counts), and once in a while in any case.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { watch } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';

/** Upstream's period of looking at files. */
const PERIOD_MS = 60_000;

export interface FollowOptions {
  readonly path: string;
  /** As it was when it was first read. */
  readonly text: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Until the signal aborts. A file that `apply` throws for changes nothing, and is said. */
export async function followFile(
  options: FollowOptions,
  apply: (text: string) => Promise<void> | void,
): Promise<void> {
  const { path, clock, logger, signal } = options;
  let known = digest(options.text);
  let checking: Promise<void> = Promise.resolve();
  const check = async () => {
    try {
      const text = readFileSync(path, 'utf8');
      const now = digest(text);
      if (now === known) return;
      known = now;
      await apply(text);
      logger.info({ path }, 'A configuration file was read again');
    } catch (err) {
      if (!signal.aborted) logger.error({ err, path }, 'A configuration file cannot be read again');
    }
  };
  /** One after the other, so that the last state of the file is the last one that is applied. */
  const checkNext = () => {
    checking = checking.then(check);
    return checking;
  };
  const watching = watchFolder(dirname(path), options, checkNext);
  while (!signal.aborted) {
    try {
      await clock.sleep(PERIOD_MS, signal);
    } catch {
      break;
    }
    await checkNext();
  }
  await watching;
  await checking;
}

/** A folder that cannot be watched is still looked at once in a while. */
async function watchFolder(
  folder: string,
  { logger, signal }: FollowOptions,
  changed: () => Promise<void>,
): Promise<void> {
  try {
    for await (const _ of watch(folder, { signal })) await changed();
  } catch (err) {
    if (!signal.aborted) logger.warn({ err, folder }, 'A folder cannot be watched');
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
