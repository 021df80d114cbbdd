/** What the apiserver counts, under upstream's names. */
import { Counter, Gauge, Registry } from 'prom-client';
import { Tally, TallyHistogram } from '../flow-control/tally.js';
import type { RequestInfo } from './request-context.js';

const SECONDS = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.5, 2, 3, 5, 10, 30, 60];
const LABELS = ['verb', 'group', 'version', 'resource', 'subresource', 'scope'] as const;

/** Requests that are alike: the figures of one set of labels, added to by every request without making any. */
interface Alike {
  readonly labels: Readonly<Record<(typeof LABELS)[number], string>>;
  readonly codes: Map<number, number>;
  readonly seconds: Tally;
}

export class ServerMetrics {
  readonly registry = new Registry();
  private readInFlight: (() => { readOnly: number; mutating: number }) | undefined;
  /** As many as the API has verbs on resources: what is not served counts as one. */
  private readonly requests = new Map<string, Alike>();
  private readonly longRunning = new Gauge({
    name: 'apiserver_longrunning_requests',
    help: 'Gauge of all active long-running apiserver requests.',
    registers: [this.registry],
  });

  constructor() {
    const { requests } = this;
    const registers = [this.registry];
    new Counter({
      name: 'apiserver_request_total',
      help: 'Counter of apiserver requests broken out for each verb, group, version, resource, scope, component and HTTP response code.',
      labelNames: [...LABELS, 'code'],
      registers,
      collect() {
        this.reset();
        for (const { labels, codes } of requests.values())
          for (const [code, count] of codes) this.inc({ ...labels, code: String(code) }, count);
      },
    });
    new TallyHistogram({
      name: 'apiserver_request_duration_seconds',
      help: 'Response latency distribution in seconds for each verb, group, version, resource, subresource and scope.',
      labelNames: LABELS,
      buckets: SECONDS,
      registers,
      *read() {
        for (const { labels, seconds } of requests.values())
          if (seconds.count > 0) yield { labels, tally: seconds };
      },
    });
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
    const { verb, group, version, resource, subresource } = info;
    const id = `${verb} ${scope} ${group}/${version}/${resource}/${subresource}`;
    let alike = this.requests.get(id);
    if (!alike) {
      const labels = { verb: verb.toUpperCase(), group, version, resource, subresource, scope };
      alike = { labels, codes: new Map(), seconds: new Tally(SECONDS) };
      this.requests.set(id, alike);
    }
    alike.codes.set(code, (alike.codes.get(code) ?? 0) + 1);
    if (!longRunning) alike.seconds.observe(seconds);
  }
}
