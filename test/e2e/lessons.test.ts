/**
 * Every lesson of a course and every example of two documentations comes to what it teaches: a row for each in
 * lessons.rows.ts. The manifests are no part of the project: DRYDOCK_CORPUS names their folder, or they lie in
 * ../shared/corpus.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Cluster } from '../support/cluster.js';
import { Classroom, type Lesson } from '../support/lessons.js';
import { RawApi } from '../support/raw-api.js';
import { LESSONS } from './lessons.rows.js';

const FOLDER = process.env.DRYDOCK_CORPUS ?? join('..', 'shared', 'corpus');
/** The folders that are lessons; the others of the corpus are charts and operators. */
const TAUGHT = /^(kubernetes-course|containersolutions-examples|website-examples-2025)\//;
const LONGEST_MS = 90_000;
const POLL_MS = 1000;
/** Between the outcomes of a lesson where the order in which pods are scheduled decides, as in Kubernetes. */
const EITHER = ' or ';
/** How an object may look before anybody has done anything for it. */
const BEGINNING = /^0\/|^(Pending|Available)|0 ready$|Pending$|ContainerCreating$/;
/** Lessons that are applied at a time. */
const TABLES = 6;

t.setTimeout(500_000);

const skip = existsSync(join(FOLDER, 'objects.jsonl')) ? false : `no manifests in ${FOLDER}`;

t.test('no example is left out', { skip }, async (t) => {
  const taught = new Set(LESSONS.flatMap(({ files }) => files));
  const lines = readFileSync(join(FOLDER, 'objects.jsonl'), 'utf8').trim().split('\n');
  const files = new Set(
    lines
      .map((line): { file: string; cls: string } => JSON.parse(line))
      .filter(({ file, cls }) => TAUGHT.test(file) && cls !== 'clientonly')
      .map(({ file }) => file),
  );
  t.same(
    [...files].filter((file) => !taught.has(file)),
    [],
    `each of ${files.size} files is in a lesson`,
  );
});

t.test('what each lesson comes to', { skip }, async (t) => {
  const cluster = await Cluster.start(t);
  const api = await RawApi.asAdmin(cluster);
  t.teardown(() => api.close());
  const room = await Classroom.open(api, FOLDER);
  for (const [number, wave] of inWaves(room, LESSONS).entries()) {
    const began = performance.now();
    const seats = wave.map((lesson, seat) => ({ lesson, namespace: `lesson-${number}-${seat}` }));
    const said = new Map<Lesson, Map<string, string>>();
    const waiting = seats.values();
    const table = async () => {
      for (const { lesson, namespace } of waiting)
        said.set(lesson, await room.apply(lesson, namespace));
    };
    const applied = Promise.all(Array.from({ length: TABLES }, table));
    const differences = await settled(room, seats, said, applied);
    await applied;
    for (const { lesson } of seats) {
      t.same(differences.get(lesson) ?? [], [], lesson.files.join(', '));
    }
    t.comment(`${wave.length} lessons in ${Math.round((performance.now() - began) / 1000)} s`);
    await room.clear(seats);
  }
});

/** Lessons that can be taught at the same time: no two want the same object or node port. */
function inWaves(room: Classroom, lessons: readonly Lesson[]): Lesson[][] {
  const waves: { lessons: Lesson[]; taken: Set<string> }[] = [];
  for (const lesson of lessons) {
    if (lesson.last) continue;
    const claims = room.claims(lesson);
    let wave = waves.find(({ taken }) => !claims.some((claim) => taken.has(claim)));
    if (!wave) {
      wave = { lessons: [], taken: new Set() };
      waves.push(wave);
    }
    wave.lessons.push(lesson);
    for (const claim of claims) wave.taken.add(claim);
  }
  const last = lessons.filter((lesson) => lesson.last);
  return [...waves.map((wave) => wave.lessons), ...last.map((lesson) => [lesson])];
}

/**
 * What has not come about when all has, or the time is up. What a lesson comes to may pass (a Job is removed some time
 * after its end), so once seen is enough, unless everything begins like that.
 */
async function settled(
  room: Classroom,
  seats: readonly { lesson: Lesson; namespace: string }[],
  said: ReadonlyMap<Lesson, ReadonlyMap<string, string>>,
  applied: Promise<unknown>,
): Promise<Map<Lesson, string[]>> {
  const seen = new Set<string>();
  let end = Number.POSITIVE_INFINITY;
  void applied.then(() => {
    end = performance.now() + LONGEST_MS;
  });
  for (;;) {
    const states = await room.states();
    const differences = new Map<Lesson, string[]>();
    for (const { lesson, namespace } of seats) {
      const answers = said.get(lesson);
      const found = lesson.comesTo.flatMap((line) => {
        const [id, wanted] = split(line);
        const here = states.get(room.namespaceOf(lesson, id, namespace));
        const is = answers ? stateOf(id, here, answers.get(id)) : [];
        const holds = isAs(is, wanted);
        if (holds && !BEGINNING.test(wanted)) seen.add(`${namespace} ${line}`);
        return holds || seen.has(`${namespace} ${line}`)
          ? []
          : [`${line}; it is: ${is.join(' | ') || 'not there'}`];
      });
      if (found.length > 0) differences.set(lesson, found);
    }
    if (differences.size === 0 || performance.now() > end) return differences;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function split(line: string): [id: string, wanted: string] {
  const place = line.indexOf(': ');
  return [line.slice(0, place), line.slice(place + 2)];
}

/** One entry for each object that the id names. */
function stateOf(
  id: string,
  here: ReadonlyMap<string, string> | undefined,
  said: string | undefined,
): string[] {
  if (said) return [`refused: ${said}`];
  if (id.endsWith('*')) {
    return [...(here ?? [])]
      .filter(([name]) => name.startsWith(id.slice(0, -1)))
      .map(([, is]) => is);
  }
  return [here?.get(id) ?? (said === '' ? 'taken' : 'not there')];
}

function isAs(is: readonly string[], wanted: string): boolean {
  if (is.length === 0) return wanted === 'none';
  const refusal = /^refused: (.*)$/.exec(wanted)?.[1];
  const outcomes = wanted.split(EITHER);
  return is.every((one) =>
    refusal === undefined
      ? outcomes.includes(one)
      : one.startsWith('refused: ') && one.includes(refusal),
  );
}
