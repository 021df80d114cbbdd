/** The counts of the table as docs/CONFORMANCE.md prints them: one row an area, and their sum. */
import type { Area } from './coverage.js';

const NAMES: Readonly<Record<string, string>> = {
  'sig-apps': 'workloads',
  'sig-api-machinery': 'the API itself',
  'sig-auth': 'accounts, certificates',
  'sig-cli': 'kubectl',
  'sig-instrumentation': 'Events',
  'sig-node': 'pods and nodes',
  'sig-network': 'Services, Ingresses',
  'sig-storage': 'volumes',
};
const HEAD = '| area | clauses | covered | not |\n| --- | ---: | ---: | ---: |\n';

export function tableOf(areas: Readonly<Record<string, Area>>): string {
  const line = (name: string, rows: Area) => {
    const open = rows.filter(([, row]) => 'notCovered' in row).length;
    return `| ${name} | ${rows.length} | ${rows.length - open} | ${open} |\n`;
  };
  const lines = Object.entries(areas).map(([sig, area]) =>
    line(NAMES[sig] === undefined ? sig : `${sig}: ${NAMES[sig]}`, area),
  );
  return HEAD + lines.join('') + line('all', Object.values(areas).flat());
}

/** The document with this table in place of the one that it has. */
export function withTable(document: string, table: string): string {
  const from = document.indexOf(HEAD);
  if (from === -1) throw new Error('the document has no table of clauses');
  const end = document.indexOf('\n\n', from);
  return document.slice(0, from) + table.trimEnd() + document.slice(end);
}
