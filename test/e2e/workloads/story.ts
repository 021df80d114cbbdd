/**
 * A story is a list of kubectl commands in a namespace of its own, each with what it must print. Only
 * kubectl tells and sees anything; a story of a kind of workload is one file beside this one.
 */
import type { Test } from 'tap';
import type { Cluster } from '../../support/cluster.js';
import { eventually } from '../../support/eventually.js';
import type { RunResult } from '../../support/run.js';

export interface Step {
  /** Blanks part arguments; an array where an argument holds blanks. */
  readonly run: string | readonly string[];
  /** Given to its standard input, for `-f -`. */
  readonly input?: string;
  /** Each must match what it prints. */
  readonly prints?: readonly RegExp[];
  /** None may match. */
  readonly omits?: readonly RegExp[];
  /** Each must match what it says on standard error. */
  readonly says?: readonly RegExp[];
  readonly fails?: boolean;
  /** Run again until all of that is so: for what takes a moment to come true. */
  readonly until?: boolean;
}

export interface Story {
  /** Also the name of its namespace. */
  readonly name: string;
  readonly title: string;
  readonly steps: readonly Step[];
}

const UNTIL_MS = 60_000;

export async function tell(t: Test, cluster: Cluster, story: Story): Promise<void> {
  await cluster.kubectl(`create namespace ${story.name}`);
  for (const step of story.steps) {
    const words = typeof step.run === 'string' ? step.run.split(' ') : step.run;
    const title = words.join(' ');
    let last: RunResult = { code: -1, stdout: '', stderr: '' };
    const wrong = async () => {
      last = await cluster.kubectl(['--namespace', story.name, ...words], {
        ...(step.input === undefined ? {} : { input: step.input }),
      });
      return wrongs(step, last);
    };
    if (step.until) {
      const waited = eventually(title, async () => (await wrong()).length === 0, UNTIL_MS);
      await waited.catch(() => undefined);
    } else {
      await wrong();
    }
    const found = wrongs(step, last);
    t.same(found, [], `${title}\n${found.length > 0 ? last.stdout + last.stderr : ''}`);
    // What comes after would only fail for the same reason, and slowly.
    if (found.length > 0) break;
  }
  await cluster.kubectl(`delete namespace ${story.name} --wait=false`);
}

function wrongs(step: Step, { code, stdout, stderr }: RunResult): string[] {
  const missing = (text: string, wanted: readonly RegExp[] = []) =>
    wanted.filter((each) => !each.test(text)).map((each) => `no ${each}`);
  return [
    ...((code !== 0) === (step.fails ?? false) ? [] : [`exit code ${code}`]),
    ...missing(stdout, step.prints),
    ...missing(stderr, step.says),
    ...(step.omits ?? []).filter((each) => each.test(stdout)).map((each) => `${each}`),
  ];
}

/** `NAME  READY …` with any number of blanks between, as one line. */
export function columns(...names: string[]): RegExp {
  return new RegExp(`^${names.join(' +')} *$`, 'm');
}
