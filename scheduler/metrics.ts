/** What the scheduler counts, under upstream's names. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { SchedulingQueue } from './queue/scheduling-queue.js';

const SECONDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

export class SchedulerMetrics {
  readonly registry = new Registry();
  private readonly attempts = new Counter({
    name: 'scheduler_schedule_attempts_total',
    help: 'Number of attempts to schedule pods, by the result.',
    labelNames: ['result', 'profile'],
    registers: [this.registry],
  });
  private readonly algorithm = new Histogram({
    name: 'scheduler_scheduling_algorithm_duration_seconds',
    help: 'Scheduling algorithm latency in seconds.',
    buckets: SECONDS,
    registers: [this.registry],
  });
  private readonly attempt_ = new Histogram({
    name: 'scheduler_scheduling_attempt_duration_seconds',
    help: 'Scheduling attempt latency in seconds (scheduling algorithm and binding).',
    buckets: SECONDS,
    registers: [this.registry],
  });
  private readonly endToEnd = new Histogram({
    name: 'scheduler_pod_scheduling_sli_duration_seconds',
    help: 'Latency for a pod being scheduled, from when it enters the queue.',
    buckets: SECONDS,
    registers: [this.registry],
  });

  /** Pods by the part of the queue that they are in, read when asked. */
  watch(queue: SchedulingQueue): void {
    new Gauge({
      name: 'scheduler_pending_pods',
      help: 'Number of pending pods, by the queue type.',
      labelNames: ['queue'],
      registers: [this.registry],
      collect() {
        for (const [name, count] of Object.entries(queue.counts)) this.set({ queue: name }, count);
      },
    });
  }

  attempt(result: 'scheduled' | 'unschedulable' | 'error', profile: string): void {
    this.attempts.inc({ result, profile });
  }

  observeAlgorithm(seconds: number): void {
    this.algorithm.observe(seconds);
  }

  observeScheduled(attemptSeconds: number, endToEndSeconds: number): void {
    this.attempt_.observe(attemptSeconds);
    this.endToEnd.observe(endToEndSeconds);
  }
}
