/** What the calls of webhooks are counted by, under upstream's names. */
import { Counter, Histogram, type Registry } from 'prom-client';

const SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];

export interface WebhookLabels {
  readonly name: string;
  /** `admit` for mutating webhooks. */
  readonly type: string;
  readonly operation: string;
}

export class WebhookMetrics {
  private readonly durations: Histogram;
  private readonly requests: Counter;
  private readonly rejections: Counter;
  private readonly open: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    this.durations = new Histogram({
      name: 'apiserver_admission_webhook_admission_duration_seconds',
      help: 'Admission webhook latency histogram in seconds, identified by name and broken out for each operation and API resource and type (validate or admit).',
      labelNames: ['name', 'operation', 'rejected', 'type'],
      buckets: SECONDS,
      registers,
    });
    this.requests = new Counter({
      name: 'apiserver_admission_webhook_request_total',
      help: 'Admission webhook request total, identified by name and broken out for each admission type (validating or mutating) and operation.',
      labelNames: ['code', 'name', 'operation', 'rejected', 'type'],
      registers,
    });
    this.rejections = new Counter({
      name: 'apiserver_admission_webhook_rejection_count',
      help: 'Admission webhook rejection count, identified by name and broken out for each admission type (validating or admit) and operation.',
      labelNames: ['error_type', 'name', 'operation', 'rejection_code', 'type'],
      registers,
    });
    this.open = new Counter({
      name: 'apiserver_admission_webhook_fail_open_count',
      help: 'Admission webhook fail open count, identified by name and broken out for each admission type (validating or admit).',
      labelNames: ['name', 'type'],
      registers,
    });
  }

  observe(labels: WebhookLabels, code: number, rejected: boolean, seconds: number): void {
    const all = { ...labels, rejected: String(rejected) };
    this.durations.observe(all, seconds);
    this.requests.inc({ ...all, code: String(code) });
  }

  rejected(labels: WebhookLabels, why: string, code: number): void {
    this.rejections.inc({ ...labels, error_type: why, rejection_code: String(code) });
  }

  failedOpen({ name, type }: WebhookLabels): void {
    this.open.inc({ name, type });
  }
}
