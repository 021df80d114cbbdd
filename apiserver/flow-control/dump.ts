/** `/debug/api_priority_and_fairness/dump_*`: what runs and waits just now, as tables of text like upstream's. */
import type { Clock } from '../../pkg/component/clock.js';
import { Admission, type FlowControl } from './flow-control.js';

const PREFIX = '/debug/api_priority_and_fairness/';

export const DUMP_PATHS = ['dump_priority_levels', 'dump_queues', 'dump_requests'].map(
  (name) => PREFIX + name,
);

/** Undefined where the path is none of these. */
export function dump(flow: FlowControl, path: string, clock: Clock): string | undefined {
  if (!path.startsWith(PREFIX)) return undefined;
  switch (path.slice(PREFIX.length)) {
    case 'dump_priority_levels':
      return levels(flow);
    case 'dump_queues':
      return queues(flow);
    case 'dump_requests':
      return requests(flow, clock);
    default:
      return undefined;
  }
}

function levels(flow: FlowControl): string {
  const rows = sorted(flow).map(({ name, set, quiescing }) => [
    name,
    set.activeQueues,
    set.isIdle,
    quiescing,
    set.waiting,
    set.executing,
    set.dispatched,
    set.rejected,
    set.timedOut,
    set.cancelled,
  ]);
  return table(
    [
      'PriorityLevelName',
      'ActiveQueues',
      'IsIdle',
      'IsQuiescing',
      'WaitingRequests',
      'ExecutingRequests',
      'DispatchedRequests',
      'RejectedRequests',
      'TimedoutRequests',
      'CancelledRequests',
    ],
    rows,
  );
}

function queues(flow: FlowControl): string {
  const rows = sorted(flow).flatMap(({ name, set }) =>
    set.allQueues.map((queue) => [
      name,
      queue.index,
      queue.waiting.length,
      queue.executing,
      queue.seatsInUse,
      `${(queue.nextR / 1000).toFixed(8)}ss`,
      queue.seatsWaiting,
    ]),
  );
  return table(
    [
      'PriorityLevelName',
      'Index',
      'PendingRequests',
      'ExecutingRequests',
      'SeatsInUse',
      'NextDispatchR',
      'InitialSeatsSum',
    ],
    rows,
  );
}

function requests(flow: FlowControl, clock: Clock): string {
  const began = clock.now() - clock.monotonic();
  const rows = sorted(flow).flatMap(({ name, set }) =>
    set.allQueues.flatMap((queue) =>
      queue.waiting.map((ticket, place) => [
        name,
        ticket instanceof Admission ? ticket.schema.name : '',
        queue.index,
        place,
        ticket instanceof Admission ? ticket.distinguisher : '',
        new Date(began + ticket.arrived).toISOString(),
        ticket.seats,
      ]),
    ),
  );
  return table(
    [
      'PriorityLevelName',
      'FlowSchemaName',
      'QueueIndex',
      'RequestIndexInQueue',
      'FlowDistingsher',
      'ArriveTime',
      'InitialSeats',
    ],
    rows,
  );
}

function sorted(flow: FlowControl) {
  return [...flow.levels.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Columns one below the other, with commas as upstream. */
function table(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const all = [head, ...rows.map((row) => row.map(String))];
  const widths = head.map((_, i) => Math.max(...all.map((row) => (row[i] ?? '').length + 1)));
  return all
    .map((row) => {
      const cells = row.map((cell, i) => (i < row.length - 1 ? `${cell},` : cell));
      return `${cells
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join(' ')
        .trimEnd()}\n`;
    })
    .join('');
}
