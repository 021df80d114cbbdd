/**
 * What a simulated container uses: as its pod's annotations say at the moment of asking, else a little, as
 * an idle server would. CPU is throttled at the container's limit, as the kernel does; memory is not, and
 * nothing is killed for it. Pure but for the meter, which adds CPU time up between two readings.
 */
import { Quantity } from '../../../pkg/apimachinery/quantity.js';
import type { ContainerConfig } from '../interface.js';
import { annotationOf, PREFIX } from './behaviour.js';
import { stressUsage } from './stress.js';

const IDLE_NANO_CORES = 1_000_000;
const IDLE_BYTES = 8 << 20;

type Annotations = Readonly<Record<string, string>>;

export interface Usage {
  readonly cpuNanoCores: number;
  readonly memoryBytes: number;
}

export function usageOf(annotations: Annotations, container: ContainerConfig): Usage {
  const amount = (name: string) => {
    const text = annotationOf(annotations, container.name, name);
    const found = text === undefined ? undefined : Quantity.tryParse(text);
    return found && found.sign >= 0 ? found : undefined;
  };
  const { cpuLimitNanoCores: limit = Number.POSITIVE_INFINITY } = container;
  // The container's share of a load that follows replicas; without a name it would be the whole load.
  const share = (resource: string) =>
    Quantity.tryParse(annotations[`${PREFIX}${container.name}.load.${resource}`] ?? '0');
  const own = stressUsage(container);
  const cpu = amount('cpu');
  const nanoCores = cpu ? Number(cpu.scaledValue(-9)) : (own?.cpuNanoCores ?? IDLE_NANO_CORES);
  return {
    cpuNanoCores: Math.min(limit, nanoCores + Number(share('cpu')?.scaledValue(-9) ?? 0)),
    memoryBytes:
      (amount('memory')?.value() ?? own?.memoryBytes ?? IDLE_BYTES) +
      (share('memory')?.value() ?? 0),
  };
}

export class UsageMeter {
  private cpuNanoSeconds = 0;

  constructor(private readAt: number) {}

  /** The usage is taken to have been this since the last reading. */
  read(usage: Usage, now: number): Usage & { readonly cpuNanoSeconds: number } {
    const seconds = Math.max(0, now - this.readAt) / 1000;
    this.cpuNanoSeconds += Math.round(usage.cpuNanoCores * seconds);
    this.readAt = Math.max(now, this.readAt);
    return { ...usage, cpuNanoSeconds: this.cpuNanoSeconds };
  }
}
