/**
 * A scheduler extender: a web service that has a say in where pods go (`pkg/scheduler/extender.go`). The
 * bodies are those of `k8s.io/kube-scheduler/extender/v1`: arguments carry Go's field names, and answers
 * are read whatever the case of theirs, since Go does not mind it.
 */
import { readFile } from 'node:fs/promises';
import { Agent } from 'undici';
import type { Node, Pod } from '../pkg/api/types.js';
import { parseDuration } from '../pkg/apimachinery/duration.js';
import type { NodeInfo } from './cache/node-info.js';
import type { ExtenderConfiguration, ExtenderTls } from './config/types.js';
import type { PodInfo } from './framework/pod-info.js';
import type { Candidate } from './preemption.js';

const DEFAULT_TIMEOUT_MS = 5_000;

export interface ExtenderVerdict {
  readonly nodes: readonly NodeInfo[];
  /** Node → why not. */
  readonly failed: ReadonlyMap<string, string>;
  /** The same, and preemption would not help. */
  readonly unresolvable: ReadonlyMap<string, string>;
}

/** The extender cannot be asked, or answered what makes no sense. */
export class ExtenderError extends Error {
  override name = 'ExtenderError';
}

export class Extender {
  private readonly managed: ReadonlySet<string>;
  private readonly timeoutMs: number;

  private constructor(
    private readonly config: ExtenderConfiguration,
    private readonly agent: Agent,
  ) {
    this.managed = new Set(config.managedResources.map(({ name }) => name));
    this.timeoutMs = parseDuration(config.httpTimeout) || DEFAULT_TIMEOUT_MS;
  }

  /** Reads the certificates that its configuration names. */
  static async open(config: ExtenderConfiguration): Promise<Extender> {
    return new Extender(config, new Agent({ connect: await tlsOptions(config) }));
  }

  get name(): string {
    return this.config.urlPrefix;
  }
  /** Scheduling goes on without it when it cannot be asked. */
  get isIgnorable(): boolean {
    return this.config.ignorable;
  }
  get isFilter(): boolean {
    return this.config.filterVerb !== '';
  }
  get isPrioritizer(): boolean {
    return this.config.prioritizeVerb !== '';
  }
  get isBinder(): boolean {
    return this.config.bindVerb !== '';
  }
  get supportsPreemption(): boolean {
    return this.config.preemptVerb !== '';
  }

  /** Where it manages resources, only pods that ask for one of them are its business. */
  isInterested({ pod }: PodInfo): boolean {
    if (this.managed.size === 0) return true;
    const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
    return containers.some(({ resources }) =>
      [resources?.requests, resources?.limits].some((amounts) =>
        Object.keys(amounts ?? {}).some((name) => this.managed.has(name)),
      ),
    );
  }

  async filter(
    pod: PodInfo,
    nodes: readonly NodeInfo[],
    signal: AbortSignal,
  ): Promise<ExtenderVerdict> {
    const { filterVerb } = this.config;
    const answer = record(await this.send(filterVerb, this.nodeArgs(pod, nodes), signal));
    const error = member(answer, 'Error');
    if (typeof error === 'string' && error !== '') throw new ExtenderError(error);
    return {
      nodes: this.chosen(answer, nodes),
      failed: texts(member(answer, 'FailedNodes')),
      unresolvable: texts(member(answer, 'FailedAndUnresolvableNodes')),
    };
  }

  /** Node → its score from 0 to 10 times the extender's weight. */
  async prioritize(
    pod: PodInfo,
    nodes: readonly NodeInfo[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> {
    const { prioritizeVerb, weight } = this.config;
    const answer = await this.send(prioritizeVerb, this.nodeArgs(pod, nodes), signal);
    const scores = new Map<string, number>();
    for (const entry of list(answer)) {
      const host = member(record(entry), 'Host');
      const score = member(record(entry), 'Score');
      if (typeof host === 'string' && typeof score === 'number') scores.set(host, score * weight);
    }
    return scores;
  }

  async bind(pod: PodInfo, node: string, signal: AbortSignal): Promise<void> {
    const args = { PodName: pod.name, PodNamespace: pod.namespace, PodUID: pod.uid, Node: node };
    const error = member(record(await this.send(this.config.bindVerb, args, signal)), 'Error');
    if (typeof error === 'string' && error !== '') throw new ExtenderError(error);
  }

  /** Which of the candidates it leaves, with which victims. */
  async processPreemption(
    pod: PodInfo,
    candidates: readonly Candidate[],
    podsOn: (node: string) => ReadonlyMap<string, PodInfo> | undefined,
    signal: AbortSignal,
  ): Promise<Candidate[]> {
    const meta = this.config.nodeCacheCapable;
    const victims = Object.fromEntries(
      candidates.map(({ node, victims: pods, budgetViolations }) => [
        node,
        {
          Pods: pods.map((victim) => (meta ? { UID: victim.uid } : victim.pod)),
          NumPDBViolations: budgetViolations,
        },
      ]),
    );
    const args = {
      Pod: pod.pod,
      NodeNameToVictims: meta ? null : victims,
      NodeNameToMetaVictims: meta ? victims : null,
    };
    const answer = record(await this.send(this.config.preemptVerb, args, signal));
    const left = record(member(answer, 'NodeNameToMetaVictims') ?? {});
    return Object.entries(left).map(([node, entry]) => {
      const pods = podsOn(node);
      if (!pods) throw new ExtenderError(`nodeinfo not found for node name "${node}"`);
      const violations = member(record(entry), 'NumPDBViolations');
      return {
        node,
        victims: list(member(record(entry), 'Pods') ?? []).map((victim) => {
          const uid = member(record(victim), 'UID');
          const found = typeof uid === 'string' ? pods.get(uid) : undefined;
          if (found) return found;
          throw new ExtenderError(
            `extender: ${this.name} claims to preempt pod (UID: ${String(uid)}) on node: ${node}, but the pod is not found on that node`,
          );
        }),
        budgetViolations: typeof violations === 'number' ? violations : 0,
      };
    });
  }

  close(): Promise<void> {
    return this.agent.destroy();
  }

  private nodeArgs(pod: PodInfo, nodes: readonly NodeInfo[]): object {
    const names = this.config.nodeCacheCapable;
    const items = (): (Node | undefined)[] => nodes.map(({ node }) => node);
    return {
      Pod: withType(pod.pod),
      Nodes: names ? null : { metadata: {}, items: items() },
      NodeNames: names ? nodes.map(({ name }) => name) : null,
    };
  }

  private chosen(answer: Record<string, unknown>, nodes: readonly NodeInfo[]): NodeInfo[] {
    const byName = new Map(nodes.map((node) => [node.name, node]));
    const named = (name: unknown): NodeInfo => {
      const node = typeof name === 'string' ? byName.get(name) : undefined;
      if (node) return node;
      throw new ExtenderError(
        `extender "${this.name}" claims a filtered node "${String(name)}" which is not found in the input node list`,
      );
    };
    const names = member(answer, 'NodeNames');
    if (this.config.nodeCacheCapable && Array.isArray(names)) return names.map(named);
    const listed = member(answer, 'Nodes');
    if (listed === undefined || listed === null) return [];
    return list(member(record(listed), 'items') ?? []).map((node) =>
      named(member(record(member(record(node), 'metadata') ?? {}), 'name')),
    );
  }

  private async send(verb: string, args: object, signal: AbortSignal): Promise<unknown> {
    const url = `${this.config.urlPrefix.replace(/\/+$/, '')}/${verb}`;
    const { origin, pathname, search } = new URL(url);
    const timeout = AbortSignal.timeout(this.timeoutMs);
    const { statusCode, body } = await this.agent.request({
      origin,
      path: pathname + search,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(args),
      signal: AbortSignal.any([signal, timeout]),
    });
    const text = await body.text();
    if (statusCode !== 200)
      throw new ExtenderError(`failed ${verb} with extender at URL ${url}, code ${statusCode}`);
    return JSON.parse(text);
  }
}

/** The pod says what it is, for programs that are not written in Go. */
function withType(pod: Pod): Pod {
  return { kind: 'Pod', apiVersion: 'v1', ...pod };
}

/** Without an authority, HTTPS trusts whoever answers, as upstream does. */
async function tlsOptions({ tlsConfig = {}, enableHTTPS }: ExtenderConfiguration) {
  const [ca, cert, key] = await Promise.all([
    pem(tlsConfig, 'ca'),
    pem(tlsConfig, 'cert'),
    pem(tlsConfig, 'key'),
  ]);
  const trusting = tlsConfig.insecure === true || (enableHTTPS && ca === undefined);
  return {
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(tlsConfig.serverName ? { servername: tlsConfig.serverName } : {}),
    ...(trusting ? { rejectUnauthorized: false } : {}),
  };
}

/** The data go before the file. */
async function pem(config: ExtenderTls, what: 'ca' | 'cert' | 'key'): Promise<Buffer | undefined> {
  const data = config[`${what}Data`];
  if (data) return Buffer.from(data, 'base64');
  const file = config[`${what}File`];
  return file ? readFile(file) : undefined;
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return Object.fromEntries(Object.entries(value));
  throw new ExtenderError('an extender answered something other than the object that was expected');
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new ExtenderError('an extender answered something other than the list that was expected');
}

/** By its name in Go, or in any other case. */
function member(from: Record<string, unknown>, name: string): unknown {
  if (Object.hasOwn(from, name)) return from[name];
  const folded = Object.keys(from).find((key) => key.toLowerCase() === name.toLowerCase());
  return folded === undefined ? undefined : from[folded];
}

function texts(value: unknown): ReadonlyMap<string, string> {
  if (value === undefined || value === null) return new Map();
  return new Map(Object.entries(record(value)).map(([node, why]) => [node, String(why)]));
}
