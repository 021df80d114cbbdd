/**
 * What the expressions of one policy see of one write. Variables are evaluated when they are first asked for,
 * and once; decisions of the authorizer are asked for once each.
 */
import { type Compiled, NAMESPACE, REQUEST } from '../../../pkg/cel/admission.js';
import { toValue } from '../../../pkg/cel/data.js';
import type { Activation } from '../../../pkg/cel/frame.js';
import {
  authorizerValue,
  type Check,
  type CheckDecision,
  checkKey,
  resourceCheckValue,
} from '../../../pkg/cel/library/authorizer.js';
import { CelFailure, CelMap, type Value } from '../../../pkg/cel/values.js';
import type { ServerAccess, UserInfo } from '../../server/request-context.js';

export interface PolicyInput {
  /** `AdmissionReview.request`, without its objects. */
  readonly request: Readonly<Record<string, unknown>>;
  readonly object: unknown;
  readonly oldObject: unknown;
  readonly namespaceObject?: unknown;
  /** Undefined where the policy has none. */
  readonly params?: unknown;
}

/** The answers that the authorizer gave for one write, for all policies together. */
export class AskedDecisions {
  private readonly known = new Map<string, CheckDecision>();

  constructor(
    private readonly user: UserInfo,
    private readonly server: Pick<ServerAccess, 'authorize'>,
  ) {}

  get(check: Check): CheckDecision | undefined {
    return this.known.get(checkKey(check));
  }

  async decide(check: Check): Promise<void> {
    const { serviceAccount: account } = check;
    const user: UserInfo = account
      ? {
          name: `system:serviceaccount:${account.namespace}:${account.name}`,
          groups: [
            'system:serviceaccounts',
            `system:serviceaccounts:${account.namespace}`,
            'system:authenticated',
          ],
        }
      : this.user;
    let decision: CheckDecision;
    try {
      const { allowed, reason, evaluationError } = await this.server.authorize({
        user,
        verb: check.verb,
        namespace: check.namespace,
        group: check.group,
        version: '*',
        resource: check.resource,
        subresource: check.subresource,
        name: check.name,
        isResourceRequest: check.path === undefined,
        path: check.path ?? '',
        ...(check.fieldSelector === undefined ? {} : { fieldSelector: check.fieldSelector }),
      });
      decision = { allowed, reason: reason ?? '', error: evaluationError ?? '' };
    } catch (err) {
      decision = {
        allowed: false,
        reason: '',
        error: err instanceof Error ? err.message : String(err),
      };
    }
    this.known.set(checkKey(check), decision);
  }
}

export class PolicyActivation implements Activation {
  private readonly made = new Map<string, Value>();
  /** What the variables cost since it was last asked. */
  private spent = 0;

  constructor(
    private readonly input: PolicyInput,
    private readonly variables: ReadonlyMap<string, Compiled>,
    readonly decisions: AskedDecisions,
  ) {}

  takeCost(): number {
    const spent = this.spent;
    this.spent = 0;
    return spent;
  }

  variable(name: string): Value | undefined {
    let value = this.made.get(name);
    if (value === undefined) {
      value = this.make(name);
      if (value !== undefined) this.made.set(name, value);
    }
    return value;
  }

  private make(name: string): Value | undefined {
    const { input } = this;
    switch (name) {
      case 'object':
        return toValue(input.object ?? null, undefined);
      case 'oldObject':
        return toValue(input.oldObject ?? null, undefined);
      case 'params':
        return toValue(input.params ?? null, undefined);
      case 'request':
        return toValue(input.request, REQUEST);
      case 'namespaceObject':
        return toValue(input.namespaceObject ?? null, NAMESPACE);
      case 'variables':
        return new Variables(this.variables, (text) => this.evaluate(text));
      case 'authorizer':
        return authorizerValue(this.decisions);
      case 'authorizer.requestResource':
        return resourceCheckValue(this.decisions, this.requestResource());
      default:
        return undefined;
    }
  }

  private evaluate(name: string): Value {
    const compiled = this.variables.get(name);
    if (!compiled || 'error' in compiled) {
      throw new CelFailure(
        `composited variable ${JSON.stringify(name)} fails to compile: ${compiled?.error ?? 'unknown'}`,
      );
    }
    const { value, failure, cost } = compiled.program.evaluate(this);
    this.spent += cost;
    if (failure) {
      if (failure.fatal) throw failure;
      throw new CelFailure(
        `composited variable ${JSON.stringify(name)} fails to evaluate: ${failure.message}`,
      );
    }
    return value;
  }

  private requestResource(): Omit<Check, 'verb'> {
    const { request } = this.input;
    const of = (field: string, from: unknown = request): string => {
      const value =
        typeof from === 'object' && from !== null ? (from as Record<string, unknown>)[field] : '';
      return typeof value === 'string' ? value : '';
    };
    const resource = request['resource'];
    return {
      group: of('group', resource),
      resource: of('resource', resource),
      subresource: of('subResource'),
      namespace: of('namespace'),
      name: of('name'),
    };
  }
}

class Variables extends CelMap {
  override readonly typeName = 'kubernetes.variables';
  private readonly values = new Map<string, Value>();

  constructor(
    private readonly compiled: ReadonlyMap<string, Compiled>,
    private readonly evaluate: (name: string) => Value,
  ) {
    super();
  }
  get size(): number {
    return this.compiled.size;
  }
  keys(): string[] {
    return [...this.compiled.keys()];
  }
  get(key: Value): Value | undefined {
    if (typeof key !== 'string' || !this.compiled.has(key)) return undefined;
    let value = this.values.get(key);
    if (value === undefined) {
      value = this.evaluate(key);
      this.values.set(key, value);
    }
    return value;
  }
}
