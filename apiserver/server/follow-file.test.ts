/** A configuration file that changes while the server runs. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { RealClock } from '../../pkg/component/clock.js';
import { silentLogger } from '../../pkg/component/logger.js';
import { followFile } from './follow-file.js';

t.test('every change counts, however it is made, and one that is wrong does not', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'drydock-follow-'));
  const path = join(folder, 'file');
  writeFileSync(path, 'one');
  const stopping = new AbortController();
  const seen: string[] = [];
  let heard: () => void = () => undefined;
  const following = followFile(
    {
      path,
      text: 'one',
      clock: new RealClock(),
      logger: silentLogger(),
      signal: stopping.signal,
    },
    (text) => {
      seen.push(text);
      heard();
      if (text === 'bad') throw new Error('cannot be read');
    },
  );
  t.teardown(async () => {
    stopping.abort();
    await following;
    rmSync(folder, { recursive: true, force: true });
  });
  const until = async (text: string, change: () => void) => {
    const hears = new Promise<void>((resolve) => {
      heard = () => {
        if (seen.at(-1) === text) resolve();
      };
    });
    change();
    await hears;
  };
  await until('two', () => writeFileSync(path, 'two'));
  await until('bad', () => writeFileSync(path, 'bad'));
  await until('three', () => {
    writeFileSync(join(folder, 'new'), 'three');
    renameSync(join(folder, 'new'), path);
  });
  t.equal(seen.at(-1), 'three');
  t.notOk(seen.includes('one'), 'what was known is not applied again');
});
