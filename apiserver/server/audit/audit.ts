/**
 * The audit event of one request (`audit.k8s.io/v1`): who asked for what, from where, what came of it; with
 * the objects that went in and out, where the policy wants them. One event a stage:
 *
 *   RequestReceived ─▶ (ResponseStarted, of long-running requests) ─▶ ResponseComplete
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { formatMicroTime } from '../../../pkg/apimachinery/meta.js';
import type { Status } from '../../../pkg/apimachinery/status.js';
import type { Clock } from '../../../pkg/component/clock.js';
import type { AuditedExchange, RequestInfo, UserInfo } from '../request-context.js';
import { type AuditDecision, type AuditPolicy, type AuditStage, atLeast } from './policy.js';

export interface AuditSink {
  write(event: object): void;
}

export interface AuditOptions {
  readonly policy: AuditPolicy;
  readonly sink: AuditSink;
  readonly clock: Clock;
}

/** What is written down of one request; made when its author is known. */
export class AuditRecord implements AuditedExchange {
  private readonly receivedAt: string;
  private requestObject: unknown;
  private responseObject: unknown;
  private responseStatus: Partial<Status> | undefined;
  impersonated: UserInfo | undefined;

  constructor(
    private readonly options: AuditOptions,
    private readonly decision: AuditDecision,
    private readonly request: {
      readonly req: IncomingMessage;
      readonly info: RequestInfo;
      readonly auditId: string;
      readonly user: UserInfo;
      readonly annotations: ReadonlyMap<string, string>;
    },
  ) {
    this.receivedAt = formatMicroTime(new Date(options.clock.now()));
  }

  /** The object that came in, as it was decoded. */
  setRequest(object: unknown): void {
    if (atLeast(this.decision.level, 'Request')) this.requestObject = this.cleaned(object);
  }

  /** What went out: an object, or a Status. */
  setResponse(make: () => unknown): void {
    const wanted = atLeast(this.decision.level, 'RequestResponse');
    const object = make();
    if (isStatus(object)) this.responseStatus = object;
    if (wanted) this.responseObject = this.cleaned(object);
  }

  stage(stage: AuditStage, code?: number): void {
    const { level, omitStages } = this.decision;
    if (level === 'None' || omitStages.has(stage)) return;
    const { req, info, auditId, user, annotations } = this.request;
    const { impersonated } = this;
    this.options.sink.write({
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      level,
      auditID: auditId,
      stage,
      requestURI: req.url ?? '',
      verb: info.verb,
      user: userOf(user),
      ...(impersonated ? { impersonatedUser: userOf(impersonated) } : {}),
      sourceIPs: sourceIPs(req),
      ...(req.headers['user-agent'] ? { userAgent: req.headers['user-agent'] } : {}),
      ...(info.isResourceRequest ? { objectRef: this.reference(info) } : {}),
      ...(code === undefined
        ? {}
        : { responseStatus: { metadata: {}, ...this.statusFields(), code } }),
      ...(this.requestObject === undefined ? {} : { requestObject: this.requestObject }),
      ...(this.responseObject === undefined || code === undefined
        ? {}
        : { responseObject: this.responseObject }),
      requestReceivedTimestamp: this.receivedAt,
      stageTimestamp: formatMicroTime(new Date(this.options.clock.now())),
      ...(annotations.size > 0 ? { annotations: Object.fromEntries(annotations) } : {}),
    });
  }

  private statusFields(): object {
    const { status, message, reason, details } = this.responseStatus ?? {};
    return {
      ...(status ? { status } : {}),
      ...(message ? { message } : {}),
      ...(reason ? { reason } : {}),
      ...(details ? { details } : {}),
    };
  }

  private reference(info: RequestInfo): object {
    const { resource, namespace, name, group, version, subresource } = info;
    const meta = isObject(this.requestObject) ? this.requestObject.metadata : undefined;
    const answered = isObject(this.responseObject) ? this.responseObject.metadata : undefined;
    const found = name || answered?.name || meta?.name;
    return {
      resource,
      ...(namespace ? { namespace } : {}),
      ...(found ? { name: found } : {}),
      ...(group ? { apiGroup: group } : {}),
      apiVersion: version,
      ...(subresource ? { subresource } : {}),
    };
  }

  private cleaned(object: unknown): unknown {
    if (!this.decision.omitManagedFields || !isObject(object)) return object;
    const without = (obj: MetaObject): MetaObject => {
      const { managedFields: _fields, ...metadata } = obj.metadata ?? {};
      return { ...obj, metadata };
    };
    const items = object.items?.map((item) => (isObject(item) ? without(item) : item));
    return items ? { ...object, items } : without(object);
  }
}

/** The body of a patch, which need not be JSON. */
export function bodyForAudit(body: Buffer): unknown {
  const text = body.toString('utf8');
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Calls once, when the answer begins. */
export function onHeaders(res: ServerResponse, begin: () => void): void {
  const { writeHead } = res;
  res.writeHead = ((...args: Parameters<typeof writeHead>) => {
    res.writeHead = writeHead;
    const done = writeHead.apply(res, args);
    begin();
    return done;
  }) as typeof writeHead;
}

interface MetaObject {
  readonly metadata?: { readonly name?: string; readonly managedFields?: unknown };
  readonly items?: readonly unknown[];
}

function isObject(value: unknown): value is MetaObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isStatus(value: unknown): value is Status {
  return isObject(value) && 'kind' in value && value.kind === 'Status';
}

function userOf({ name, uid, groups, extra }: UserInfo): object {
  return { username: name, ...(uid ? { uid } : {}), groups, ...(extra ? { extra } : {}) };
}

/** Who said they forwarded it, then who connected. */
function sourceIPs(req: IncomingMessage): string[] {
  const forwarded = [req.headers['x-forwarded-for'] ?? []].flat().join(',');
  const real = [req.headers['x-real-ip'] ?? []].flat();
  const remote = (req.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const all = [...forwarded.split(',').map((text) => text.trim()), ...real, remote];
  return [...new Set(all.filter((address) => address !== ''))];
}
