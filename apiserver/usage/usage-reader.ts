/**
 * What nodes, pods and containers use, read from the kubelets' `/stats/summary` over HTTPS: what an own
 * metrics-server would do, inside. Nothing is read while nobody asks. An answer serves for `RESOLUTION_MS`;
 * who asks meanwhile for the same kubelet shares it. Nodes that share one kubelet process (hollow ones)
 * share one request. A kubelet that does not answer is left out, and its pods with it.
 */
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Node } from '../../pkg/api/types.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import {
  type KubeletConnection,
  type KubeletTarget,
  kubeletTarget,
} from '../endpoints/kubelet-proxy.js';

/** How old an answer may be. Short, since it costs nothing while nobody asks. */
const RESOLUTION_MS = 5000;
/** What the samples say they were averaged over. */
export const WINDOW = '5s';
/** Answers of kubelets that nobody asked about for this long are forgotten. */
const FORGET_MS = 60_000;
const CONCURRENCY = 16;
const TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 64 << 20;

export interface Amounts {
  readonly cpuNanoCores: number;
  readonly memoryBytes: number;
}

export interface ContainerUsage extends Amounts {
  readonly name: string;
}

export interface Sample<T> {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly value: T;
}

/** What the kubelets said: nodes by name, pods by uid. */
export interface UsageSnapshot {
  readonly nodes: ReadonlyMap<string, Sample<Amounts>>;
  readonly pods: ReadonlyMap<string, Sample<readonly ContainerUsage[]>>;
}

export interface UsageReaderOptions {
  readonly kubelet: KubeletConnection;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Kept {
  readonly at: number;
  readonly answer: Promise<UsageSnapshot | undefined>;
}

interface Measured {
  readonly cpu?: { readonly usageNanoCores?: number };
  readonly memory?: { readonly workingSetBytes?: number };
}

interface Summary {
  readonly node?: Measured & { readonly nodeName?: string };
  readonly nodes?: readonly (Measured & { readonly nodeName?: string })[];
  readonly pods?: readonly {
    readonly podRef?: { readonly uid?: string };
    readonly containers?: readonly (Measured & { readonly name?: string })[];
  }[];
}

export class UsageReader {
  private readonly kept = new Map<string, Kept>();
  private active = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly options: UsageReaderOptions) {}

  /** What the kubelets of these nodes say, each no older than the resolution. */
  async read(nodes: readonly Node[]): Promise<UsageSnapshot> {
    const targets = new Map<string, KubeletTarget>();
    for (const node of nodes) {
      const target = this.targetOf(node);
      if (target) targets.set(`${target.host}:${target.port}`, target);
    }
    const answers = await Promise.all([...targets].map(([key, target]) => this.ask(key, target)));
    const all = {
      nodes: new Map<string, Sample<Amounts>>(),
      pods: new Map<string, Sample<readonly ContainerUsage[]>>(),
    };
    for (const answer of answers) {
      for (const [name, sample] of answer?.nodes ?? []) all.nodes.set(name, sample);
      for (const [uid, sample] of answer?.pods ?? []) all.pods.set(uid, sample);
    }
    return all;
  }

  private targetOf(node: Node): KubeletTarget | undefined {
    try {
      return kubeletTarget(node, this.options.kubelet);
    } catch (err) {
      // It registered a moment ago and does not say yet where it is.
      this.options.logger.debug({ err, node: node.metadata?.name }, 'No way to the kubelet');
      return undefined;
    }
  }

  private ask(key: string, target: KubeletTarget): Promise<UsageSnapshot | undefined> {
    const { clock } = this.options;
    const now = clock.monotonic();
    for (const [other, { at }] of this.kept) if (now - at > FORGET_MS) this.kept.delete(other);
    const known = this.kept.get(key);
    if (known && now - known.at < RESOLUTION_MS) return known.answer;
    const answer = this.scrape(target);
    this.kept.set(key, { at: now, answer });
    return answer;
  }

  private async scrape(target: KubeletTarget): Promise<UsageSnapshot | undefined> {
    const { clock, logger } = this.options;
    await this.enter();
    try {
      const text = await this.fetch(target);
      const summary: Summary = JSON.parse(text);
      return snapshotOf(summary, clock.now());
    } catch (err) {
      logger.debug({ err, ...target }, 'A kubelet did not tell its usage');
      return undefined;
    } finally {
      this.leave();
    }
  }

  private fetch({ host, port }: KubeletTarget): Promise<string> {
    const { agent } = this.options.kubelet;
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    return new Promise((resolve, reject) => {
      const outgoing = request({ agent, host, port, path: '/stats/summary', signal }, (answer) => {
        textOf(answer).then(resolve, reject);
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  }

  private async enter(): Promise<void> {
    if (this.active >= CONCURRENCY) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    this.active++;
  }

  private leave(): void {
    this.active--;
    this.waiting.shift()?.();
  }
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of answer) {
    const bytes = Buffer.from(part);
    size += bytes.length;
    if (size > MAX_ANSWER_BYTES) throw new Error('the answer is too large');
    parts.push(bytes);
  }
  const text = Buffer.concat(parts).toString();
  if (answer.statusCode !== 200) {
    throw new Error(`request failed, status: ${answer.statusCode}: ${text.slice(0, 200)}`);
  }
  return text;
}

function snapshotOf(summary: Summary, at: number): UsageSnapshot {
  const nodes = new Map<string, Sample<Amounts>>();
  const pods = new Map<string, Sample<readonly ContainerUsage[]>>();
  for (const node of summary.nodes ?? (summary.node ? [summary.node] : [])) {
    const value = amountsOf(node);
    if (value && node.nodeName !== undefined) nodes.set(node.nodeName, { at, value });
  }
  for (const { podRef, containers = [] } of summary.pods ?? []) {
    const value = containers.flatMap((container) => {
      const amounts = amountsOf(container);
      return amounts && container.name !== undefined ? [{ name: container.name, ...amounts }] : [];
    });
    if (podRef?.uid !== undefined && value.length > 0) pods.set(podRef.uid, { at, value });
  }
  return { nodes, pods };
}

/** Undefined where one of the two is not known. */
function amountsOf({ cpu, memory }: Measured): Amounts | undefined {
  const cpuNanoCores = cpu?.usageNanoCores;
  const memoryBytes = memory?.workingSetBytes;
  if (typeof cpuNanoCores !== 'number' || typeof memoryBytes !== 'number') return undefined;
  return { cpuNanoCores, memoryBytes };
}
