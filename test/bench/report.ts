/**
 * What a benchmark reports, and the two places where it appears: a table on the terminal and
 * docs/BENCHMARKS.md. A run of some parts replaces the sections of those parts and leaves the others.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

export interface Aim {
  readonly value: number;
  readonly better: 'higher' | 'lower';
}

export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly drydock: number;
  /** The same load elsewhere, in the same run: name of the system → figure, or why there is none. */
  readonly others?: Readonly<Record<string, number | string>>;
  readonly aim?: Aim;
}

export interface Section {
  readonly part: string;
  readonly title: string;
  /** How it was measured, in a sentence or two. */
  readonly method: string;
  readonly rows: readonly Row[];
}

const FILE = 'docs/BENCHMARKS.md';

/** The sections as text for a terminal. */
export function formatSections(sections: readonly Section[]): string {
  return sections
    .map((section) => {
      const cells = [header(section), ...section.rows.map((row) => cellsOf(section, row))];
      const widths = (cells[0] ?? []).map((_, i) =>
        Math.max(...cells.map((line) => line[i]?.length ?? 0)),
      );
      const lines = cells.map((line) =>
        line
          .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
          .join('  ')
          .trimEnd(),
      );
      return [section.title, ...lines.map((line) => `  ${line}`)].join('\n');
    })
    .join('\n\n');
}

/** Rewrites docs/BENCHMARKS.md with the sections just measured. */
export function writeReport(sections: readonly Section[], command: string, now: Date): void {
  const before = existsSync(FILE) ? readFileSync(FILE, 'utf8') : '';
  const kept = new Map<string, string>();
  for (const [, part, text] of before.matchAll(/<!-- part: (\S+) -->\n([\s\S]*?)<!-- end -->/g)) {
    if (part !== undefined && text !== undefined) kept.set(part, text);
  }
  for (const section of sections) {
    kept.set(section.part, markdown(section, command, now));
  }
  const parts = [...kept].map(([part, text]) => `<!-- part: ${part} -->\n${text}<!-- end -->\n`);
  writeFileSync(FILE, `${PREFACE}\n${parts.join('\n')}`);
}

const PREFACE = `# Benchmarks

Written by \`npm run bench\`; words after \`--\` select parts, e.g. \`npm run bench -- store\`. Every figure is
one of this machine at that time: only figures of one run compare with each other. "on etcd" is drydock's
apiserver with Debian's etcd behind it. A tick after a figure says that it reaches the aim beside it.
`;

function markdown(section: Section, command: string, now: Date): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const head = header(section);
  return [
    `## ${section.title}`,
    '',
    section.method,
    '',
    `${now.toISOString().slice(0, 16).replace('T', ' ')} UTC, \`${command}\`, ${machine()}.`,
    '',
    line(head),
    line(head.map((_, i) => (i === 0 ? '---' : '---:'))),
    ...section.rows.map((row) => line(cellsOf(section, row))),
    '',
  ].join('\n');
}

function header(section: Section): string[] {
  const others = otherNames(section);
  return [
    'what',
    'unit',
    'drydock',
    ...others.flatMap((name) => [name, 'ratio']),
    ...(section.rows.some((row) => row.aim) ? ['aim'] : []),
  ];
}

function cellsOf(section: Section, row: Row): string[] {
  const others = otherNames(section).flatMap((name) => {
    const other = row.others?.[name];
    if (other === undefined) return ['', ''];
    if (typeof other === 'string') return [other, ''];
    return [figure(other), (row.drydock / other).toFixed(1)];
  });
  const { aim } = row;
  const met =
    aim && (aim.better === 'higher' ? row.drydock >= aim.value : row.drydock <= aim.value);
  return [
    row.what,
    row.unit,
    `${figure(row.drydock)}${met ? ' ✓' : ''}`,
    ...others,
    ...(section.rows.some((each) => each.aim)
      ? [aim ? `${aim.better === 'higher' ? '≥' : '≤'} ${figure(aim.value)}` : '']
      : []),
  ];
}

function otherNames(section: Section): string[] {
  return [...new Set(section.rows.flatMap((row) => Object.keys(row.others ?? {})))];
}

function figure(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(value >= 10 ? 1 : 2);
}

function machine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  const model = cpu?.model.trim() ?? 'unknown processor';
  return `${cpus().length} × ${model}, ${memory} GiB, Linux ${release()}, Node ${process.version}, commit ${commit()}, load average ${figure(loadavg()[0] ?? 0)}`;
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    // A copy without its history.
    return 'unknown';
  }
}
