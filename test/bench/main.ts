/**
 * `npm run bench`: measures what docs/BENCHMARKS.md shows and rewrites it. Words on the command line select
 * parts. Everything runs on this machine, in folders that are removed afterwards.
 */
import { RealClock } from '../../pkg/component/clock.js';
import { benchCapacity } from './capacity.js';
import { benchHttp } from './http.js';
import { formatSections, type Section, writeReport } from './report.js';
import { benchScheduling } from './scheduling.js';
import { benchStartUp } from './start-up.js';
import { benchStores } from './store.js';

type Bench = (say: (text: string) => void) => Promise<Section>;

const PARTS: Readonly<Record<string, Bench>> = {
  'start-up': benchStartUp,
  http: benchHttp,
  capacity: benchCapacity,
  scheduling: benchScheduling,
  store: benchStores,
};

const words = process.argv.slice(2);
const unknown = words.filter((word) => !(word in PARTS));
if (unknown.length > 0) {
  process.stderr.write(`no part is called ${unknown}; there are: ${Object.keys(PARTS)}\n`);
  process.exit(1);
}
const sections: Section[] = [];
for (const [name, bench] of Object.entries(PARTS)) {
  if (words.length > 0 && !words.includes(name)) continue;
  try {
    sections.push(await bench((text) => process.stderr.write(`${text}\n`)));
  } catch (err) {
    // The other parts still have something to say.
    console.error(`${name}:`, err);
    process.exitCode = 1;
  }
}
process.stdout.write(`\n${formatSections(sections)}\n`);
const command = ['npm run bench', ...(words.length > 0 ? ['--', ...words] : [])].join(' ');
writeReport(sections, command, new Date(new RealClock().now()));
