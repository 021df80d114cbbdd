/** The table of conformance clauses is true to the tests that it names, and leaves no clause of the list out. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { AREAS, type Area, type Covered } from './coverage.js';
import { tableOf, withTable } from './table.js';
import { titlesOf } from './title-index.js';

interface Clause {
  readonly testname: string;
  readonly codename: string;
}

const LIST = join(process.env['DRYDOCK_CORPUS'] ?? '../shared/corpus', 'conformance-v1.35.yaml');

const DOCUMENT = 'docs/CONFORMANCE.md';

const rows = Object.values(AREAS).flat();
const coveredRows = (area: Area): Covered[] =>
  area.flatMap(([, row]) => ('notCovered' in row ? [] : [row]));

/** What of the row is not in its file. */
function missing({ file, test }: Covered, titles = titlesOf(read(file))): string[] {
  return test.length === 0 ? ['a title'] : test.filter((title) => !titles.has(title));
}

const sources = new Map<string, string>();
function read(file: string): string {
  const source = sources.get(file) ?? readFileSync(file, 'utf8');
  sources.set(file, source);
  return source;
}

/** The name that a clause goes by: its testname, where no other clause has it. */
function keysByArea(clauses: readonly Clause[]): Map<string, string[]> {
  const counts = new Map<string, number>();
  for (const { testname } of clauses) counts.set(testname, (counts.get(testname) ?? 0) + 1);
  const keys = new Map<string, string[]>();
  for (const { testname, codename } of clauses) {
    const area = /^\[([\w-]+)\]/.exec(codename)?.[1] ?? '';
    const key = counts.get(testname) === 1 ? testname : codename;
    keys.set(area, [...(keys.get(area) ?? []), key]);
  }
  return keys;
}

t.test('the titles of a source', async (t) => {
  const source = `
    t.test('outer', async (t) => { await t.test("inner", run); other.run('no title'); });
    const rows = [{ title: 'a row', text: 'no title' }, { name: \`another\` }, { title: \`\${x} made\` }];
  `;
  t.same([...titlesOf(source)], ['outer', 'inner', 'a row', 'another']);
  const titles = titlesOf(source);
  t.same(missing({ file: '', test: ['outer', 'inner'] }, titles), []);
  t.same(missing({ file: '', test: ['outer', 'iner'] }, titles), ['iner'], 'a typo is found');
  t.same(missing({ file: '', test: [] }, titles), ['a title']);
});

t.test('every test that is named is there', async (t) => {
  const index = new Map<string, Set<string>>();
  for (const row of coveredRows(rows)) {
    const titles = index.get(row.file) ?? titlesOf(read(row.file));
    index.set(row.file, titles);
    t.same(missing(row, titles), [], `${row.file}: ${row.test.join(' › ')}`);
  }
});

t.test('no clause is there twice', async (t) => {
  const names = rows.map(([clause]) => clause);
  t.same(
    names.filter((name, i) => names.indexOf(name) !== i),
    [],
  );
});

t.test('docs/CONFORMANCE.md prints the same counts', async (t) => {
  const document = readFileSync(DOCUMENT, 'utf8');
  const counted = withTable(document, tableOf(AREAS));
  if (process.env['TAP_SNAPSHOT']) writeFileSync(DOCUMENT, counted);
  else t.equal(document, counted, 'TAP_SNAPSHOT=1 writes them anew');
});

const skip = existsSync(LIST) ? false : `no ${LIST}`;
t.test('every clause of the list is in its area, and nothing else', { skip }, async (t) => {
  const clauses: Clause[] = parse(readFileSync(LIST, 'utf8'));
  const wanted = keysByArea(clauses);
  t.same([...wanted.keys()].sort(), Object.keys(AREAS).sort());
  for (const [name, area] of Object.entries(AREAS)) {
    const keys = area.map(([clause]) => clause);
    t.same(keys.toSorted(), (wanted.get(name) ?? []).toSorted(), name);
  }
});
