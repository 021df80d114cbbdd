/** What the apiserver counts, under upstream's names. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { RequestInfo } from './request-context.js';

const SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 30, 60];
const LABELS = ['verb', 'group', 'version', 'resource', 'subresource', 'scope'] as const;

export class ServerMetrics {
  readonly registry = new Registry();
  private readInFlight: (() => { readOnly: number; mutating: number }) | undefined;
  private readonly requests = new Counter({
    name: 'apiserver_request_total',
    help: 'Counter of apiserver requests broken out for each verb, group, version, resource, scope, component and HTTP response code.',
    labelNames: [...LABELS, 'code'],
    registers: [this.registry],
  });
  private readonly durations = new Histogram({
    name: 'apiserver_request_duration_seconds',
    help: 'Response latency distribution in seconds for each verb, group, version, resource, subresource and scope.',
    labelNames: LABELS,
    buckets: SECONDS,
    registers: [this.registry],
  });
  private readonly longRunning = new Gauge({
    name: 'apiserver_longrunning_requests',
    help: 'Gauge of all active long-running apiserver requests.',
    registers: [this.registry],
  });

  constructor() {
    const counts = () => this.readInFlight?.() ?? { readOnly: 0, mutating: 0 };
    new Gauge({
      name: 'apiserver_current_inflight_requests',
      help: 'Maximal number of currently used inflight request limit of this apiserver per request kind in last second.',
      labelNames: ['request_kind'],
      registers: [this.registry],
      collect() {
        const { readOnly, mutating } = counts();
        this.set({ request_kind: 'readOnly' }, readOnly);
        this.set({ request_kind: 'mutating' }, mutating);
      },
    });
  }

  /** `read` is asked when somebody asks for the metrics. */
  followInFlight(read: () => { readOnly: number; mutating: number }): void {
    this.readInFlight = read;
  }

  longRunningStarted(): () => void {
    this.longRunning.inc();
    return () => this.longRunning.dec();
  }

  observe(info: RequestInfo, code: number, seconds: number, longRunning: boolean): void {
    const scope = !info.isResourceRequest
      ? ''
      : info.name !== ''
        ? 'resource'
        : info.namespace !== ''
          ? 'namespace'
          : 'cluster';
    const labels = {
      verb: info.verb.toUpperCase(),
      group: info.group,
      version: info.version,
      resource: info.resource,
      subresource: info.subresource,
      scope,
    };
    this.requests.inc({ ...labels, code: String(code) });
    if (!longRunning) this.durations.observe(labels, seconds);
  }
}
