/** What priority and fairness counts, under upstream's names. Nothing is gathered before somebody asks. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { FlowControl } from './flow-control.js';
import type { PriorityLevel } from './priority-level.js';
import {
  EXECUTION_BUCKETS,
  QUEUE_BUCKETS,
  SEAT_BUCKETS,
  type ServedSchema,
  WAIT_BUCKETS,
} from './served-schema.js';
import { type Labelled, type Tally, TallyHistogram } from './tally.js';

const PREFIX = 'apiserver_flowcontrol_';
const LEVEL = ['priority_level'] as const;
const SCHEMA = ['priority_level', 'flow_schema'] as const;

type LevelGauge = readonly [name: string, help: string, value: (level: PriorityLevel) => number];
type SchemaGauge = readonly [name: string, help: string, value: (schema: ServedSchema) => number];

const LEVEL_GAUGES: readonly LevelGauge[] = [
  [
    'nominal_limit_seats',
    'Nominal number of execution seats configured for each priority level',
    (l) => l.nominal,
  ],
  [
    'lower_limit_seats',
    'Configured lower bound on number of execution seats available to each priority level',
    (l) => l.lower,
  ],
  [
    'upper_limit_seats',
    'Configured upper bound on number of execution seats available to each priority level',
    (l) => l.upper,
  ],
  [
    'current_limit_seats',
    'current derived number of execution seats available to each priority level',
    (l) => l.current,
  ],
  [
    'demand_seats_high_watermark',
    'High watermark, over last adjustment period, of demand_seats',
    (l) => l.set.demand.highWatermark,
  ],
  [
    'demand_seats_average',
    'Time-weighted average, over last adjustment period, of demand_seats',
    (l) => l.set.demand.average,
  ],
  [
    'demand_seats_stdev',
    'Time-weighted standard deviation, over last adjustment period, of demand_seats',
    (l) => l.set.demand.deviation,
  ],
  ['demand_seats_smoothed', 'Smoothed seat demands', (l) => l.set.demand.smoothed],
  ['target_seats', 'Seat allocation targets', (l) => l.target],
];

const SCHEMA_GAUGES: readonly SchemaGauge[] = [
  [
    'current_inqueue_requests',
    'Number of requests currently pending in queues of the API Priority and Fairness subsystem',
    (s) => s.waiting,
  ],
  [
    'current_executing_requests',
    'Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage in the API Priority and Fairness subsystem',
    (s) => s.executing,
  ],
  [
    'current_executing_seats',
    'Concurrency (number of seats) occupied by the currently executing (initial stage for a WATCH, any stage otherwise) requests in the API Priority and Fairness subsystem',
    (s) => s.seatsInUse,
  ],
];

export function registerFlowControl(flow: FlowControl, registers: Registry): void {
  for (const [name, help, value] of LEVEL_GAUGES) {
    new Gauge({
      name: PREFIX + name,
      help,
      labelNames: LEVEL,
      registers: [registers],
      collect() {
        this.reset();
        flow.rebalance();
        for (const level of flow.levels.values()) {
          this.set({ priority_level: level.name }, value(level));
        }
      },
    });
  }
  for (const [name, help, value] of SCHEMA_GAUGES) {
    new Gauge({
      name: PREFIX + name,
      help,
      labelNames: SCHEMA,
      registers: [registers],
      collect() {
        this.reset();
        for (const schema of flow.schemas) this.set(labelsOf(schema), value(schema));
      },
    });
  }
  new Gauge({
    name: `${PREFIX}seat_fair_frac`,
    help: "Fair fraction of server's concurrency to allocate to each priority level that can use it",
    registers: [registers],
    collect() {
      this.set(flow.fairFraction);
    },
  });
  new Counter({
    name: `${PREFIX}dispatched_requests_total`,
    help: 'Number of requests executed by API Priority and Fairness subsystem',
    labelNames: SCHEMA,
    registers: [registers],
    collect() {
      this.reset();
      for (const schema of flow.schemas) this.inc(labelsOf(schema), schema.dispatched);
    },
  });
  new Counter({
    name: `${PREFIX}rejected_requests_total`,
    help: 'Number of requests rejected by API Priority and Fairness subsystem',
    labelNames: [...SCHEMA, 'reason'],
    registers: [registers],
    collect() {
      this.reset();
      for (const schema of flow.schemas) {
        for (const [reason, count] of Object.entries(schema.refused))
          if (count > 0) this.inc({ ...labelsOf(schema), reason }, count);
      }
    },
  });
  registerHistograms(flow, registers);
}

function registerHistograms(flow: FlowControl, registry: Registry): void {
  const registers = [registry];
  const each = (tally: (schema: ServedSchema) => Tally) =>
    function* (): Generator<Labelled> {
      for (const schema of flow.schemas)
        if (tally(schema).count > 0) yield { labels: labelsOf(schema), tally: tally(schema) };
    };
  new TallyHistogram({
    name: `${PREFIX}request_wait_duration_seconds`,
    help: 'Length of time a request spent waiting in its queue',
    labelNames: [...SCHEMA, 'execute'],
    buckets: WAIT_BUCKETS,
    registers,
    *read() {
      for (const schema of flow.schemas) {
        for (const [execute, tally] of [
          ['true', schema.waits],
          ['false', schema.refusedWaits],
        ] as const)
          if (tally.count > 0) yield { labels: { ...labelsOf(schema), execute }, tally };
      }
    },
  });
  new TallyHistogram({
    name: `${PREFIX}request_execution_seconds`,
    help: 'Duration of initial stage (for a WATCH) or any (for a non-WATCH) stage of request execution in the API Priority and Fairness subsystem',
    labelNames: SCHEMA,
    buckets: EXECUTION_BUCKETS,
    registers,
    read: each(({ executions }) => executions),
  });
  new TallyHistogram({
    name: `${PREFIX}request_queue_length_after_enqueue`,
    help: 'Length of queue in the API Priority and Fairness subsystem, as seen by each request after it is enqueued',
    labelNames: SCHEMA,
    buckets: QUEUE_BUCKETS,
    registers,
    read: each(({ queueLengths }) => queueLengths),
  });
  new TallyHistogram({
    name: `${PREFIX}work_estimated_seats`,
    help: 'Number of estimated seats (maximum of initial and final seats) associated with requests in API Priority and Fairness',
    labelNames: SCHEMA,
    buckets: SEAT_BUCKETS,
    registers,
    read: each(({ estimates }) => estimates),
  });
}

function labelsOf({ name, level }: ServedSchema): { priority_level: string; flow_schema: string } {
  return { priority_level: level.name, flow_schema: name };
}
