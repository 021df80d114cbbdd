/** `drydock logs NAME [-f]`: what a process wrote, and with `-f` what it goes on to write. */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { RealClock } from '../../pkg/component/clock.js';
import { processNames, readClusterConfig, unknownProcess } from '../cluster-config.js';
import { Layout } from '../layout.js';

const FOLLOW_POLL_MS = 200;

export async function logs(
  dataDir: string,
  name: string,
  follow: boolean,
  signal: AbortSignal,
): Promise<number> {
  const layout = new Layout(dataDir);
  const path = layout.log(name);
  if (!existsSync(path)) {
    const config = readClusterConfig(layout);
    if (!config) throw new Error(`there is no cluster in ${layout.root}`);
    const names = processNames(config);
    throw new Error(
      names.includes(name) ? `${name} has written no log yet` : unknownProcess(name, names),
    );
  }
  const clock = new RealClock();
  let at = 0;
  for (;;) {
    const size = statSync(path).size;
    // A rotated log begins anew.
    if (size < at) at = 0;
    if (size > at) {
      await pipeline(createReadStream(path, { start: at, end: size - 1 }), process.stdout, {
        end: false,
      });
      at = size;
    }
    if (!follow) return 0;
    try {
      await clock.sleep(FOLLOW_POLL_MS, signal);
    } catch {
      return 0;
    }
  }
}
