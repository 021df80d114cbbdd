/** Counts of values by size, as cheap as a request can have them; made into a histogram when somebody asks. */
import { Histogram, type Registry } from 'prom-client';

export class Tally {
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  constructor(private readonly bounds: readonly number[]) {
    this.counts = new Float64Array(bounds.length);
  }

  observe(value: number): void {
    this.sum += value;
    this.count++;
    const bounds = this.bounds;
    for (let i = 0; i < bounds.length; i++) {
      if (value <= (bounds[i] ?? 0)) {
        this.counts[i] = (this.counts[i] ?? 0) + 1;
        return;
      }
    }
  }
}

export interface Labelled {
  readonly labels: Readonly<Record<string, string>>;
  readonly tally: Tally;
}

export interface TallyHistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly buckets: readonly number[];
  readonly registers: Registry[];
  readonly read: () => Iterable<Labelled>;
}

/** A histogram whose figures are kept elsewhere. */
export class TallyHistogram extends Histogram {
  private readonly read: () => Iterable<Labelled>;
  private readonly bounds: readonly number[];

  constructor({ read, buckets, labelNames, ...config }: TallyHistogramOptions) {
    super({ ...config, labelNames: [...labelNames], buckets: [...buckets] });
    this.read = read;
    this.bounds = buckets;
  }

  override async get(): ReturnType<Histogram['get']> {
    const described = await super.get();
    const { name } = described;
    const values: typeof described.values = [];
    for (const { labels, tally } of this.read()) {
      let below = 0;
      this.bounds.forEach((le, i) => {
        below += tally.counts[i] ?? 0;
        values.push({ metricName: `${name}_bucket`, labels: { le, ...labels }, value: below });
      });
      const all = { le: '+Inf', ...labels };
      values.push({ metricName: `${name}_bucket`, labels: all, value: tally.count });
      values.push({ metricName: `${name}_sum`, labels: { ...labels }, value: tally.sum });
      values.push({ metricName: `${name}_count`, labels: { ...labels }, value: tally.count });
    }
    return { ...described, values };
  }
}
