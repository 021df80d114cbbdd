/**
 * What a run of tests came to, read from its TAP: for every test file the counts of its assertions, and each failure
 * with the names that lead to it and what tap says of it.
 *
 * An assertion is a test point that closes no subtest, or an empty one. A subtest that failed though none of its
 * assertions did (it timed out, or threw) counts as one failure of its own.
 */
export interface FileResult {
  file: string;
  ok: boolean;
  pass: number;
  fail: number;
  skip: number;
  failures: Failure[];
}

export interface Failure {
  /** The titles from the file's outermost test to the assertion. */
  path: string[];
  /** tap's diagnostic: expected and actual, the place, the stack. At most 40 lines. */
  details: string[];
}

/** A subtest that has begun, and what its file had counted before it. */
interface Open {
  title: string;
  points: number;
  failures: number;
}

const POINT = /^( *)(not )?ok \d+(?: - (.*?))?(?: # time=[\d.]+m?s)?( \{)?$/;
const DETAIL_LINES = 40;

export function tapResults(text: string): FileResult[] {
  const files: FileResult[] = [];
  let current = newFile();
  const open: Open[] = [];
  let failure: { indent: string; details: string[] } | undefined;
  for (const line of text.split('\n')) {
    if (failure !== undefined) {
      if (line.startsWith(`${failure.indent}  `) || line.trim() === '') {
        if (failure.details.length < DETAIL_LINES)
          failure.details.push(line.slice(failure.indent.length + 2));
        continue;
      }
      failure = undefined;
    }
    const subtest = /^( *)# Subtest: (.*)$/.exec(line);
    if (subtest !== null) {
      open.length = depth(subtest[1] ?? '');
      open.push({ title: subtest[2] ?? '', points: points(current), failures: current.fail });
      continue;
    }
    const point = POINT.exec(line);
    if (point === null) continue;
    const [, indent = '', not, name = ''] = point;
    const level = depth(indent);
    const closes = open[level];
    open.length = Math.min(open.length, level);
    const skipped = / # (SKIP|TODO)\b/i.test(name);
    const failed = not !== undefined && !skipped;
    const counts = closes === undefined || closes.points === points(current);
    if (counts && skipped) current.skip++;
    else if (counts && !failed) current.pass++;
    else if (failed && (counts || closes?.failures === current.fail)) {
      current.fail++;
      const titles = open.slice(1).map(({ title }) => title);
      const details: string[] = [];
      current.failures.push({ path: level === 0 ? [] : [...titles, name], details });
      failure = { indent, details };
    }
    if (level === 0) {
      files.push({ ...current, file: name, ok: !failed });
      current = newFile();
    }
  }
  return files;
}

function newFile(): FileResult {
  return { file: '', ok: true, pass: 0, fail: 0, skip: 0, failures: [] };
}

function points({ pass, fail, skip }: FileResult): number {
  return pass + fail + skip;
}

/** tap indents by four for each level. */
function depth(indent: string): number {
  return indent.length / 4;
}
