import t from 'tap';
import { TaskGroup } from './task-group.js';

const never = (signal: AbortSignal) =>
  new Promise<void>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

t.test('every task has a signal of its own, which aborts with the group', async (t) => {
  const stop = new AbortController();
  const tasks = new TaskGroup(stop.signal, (name, err) => t.fail(name, { err }));
  const signals: AbortSignal[] = [];
  for (const name of ['a', 'b']) {
    tasks.spawn(name, (signal) => {
      signals.push(signal);
      return never(signal);
    });
  }
  t.not(signals[0], signals[1]);
  stop.abort(new Error('enough'));
  await tasks.done();
  t.same(
    signals.map((signal) => [signal.aborted, String(signal.reason)]),
    [
      [true, 'Error: enough'],
      [true, 'Error: enough'],
    ],
  );
  tasks.spawn('late', async (signal) =>
    t.ok(signal.aborted, 'a task that comes late is told at once'),
  );
  await tasks.done();
});

t.test('a task that fails is reported once and ends the others', async (t) => {
  const failures: string[] = [];
  const tasks = new TaskGroup(new AbortController().signal, (name, err) =>
    failures.push(`${name}: ${String(err)}`),
  );
  tasks.spawn('waits', never);
  tasks.spawn('fails', () => Promise.reject(new Error('broken')));
  await tasks.done();
  t.same(failures, ['fails: Error: broken']);
});
