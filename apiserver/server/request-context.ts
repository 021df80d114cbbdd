/**
 * What the server knows about one request while it serves it. Made once by the handler chain and handed
 * down; never kept after the answer is sent.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';

/** Who asks (`k8s.io/apiserver/pkg/authentication/user.Info`). */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** What is asked (`k8s.io/apiserver/pkg/endpoints/request.RequestInfo`). */
export interface RequestInfo {
  readonly isResourceRequest: boolean;
  readonly path: string;
  /** get, list, watch, create, update, patch, delete, deletecollection, proxy; lower-case HTTP method for a non-resource path. */
  readonly verb: string;
  readonly apiPrefix: '' | 'api' | 'apis';
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** Path segments after the resource: `/pods/x/proxy/a/b` → [pods, x, proxy, a, b]. */
  readonly parts: readonly string[];
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

/** What a decision of the authoriser is asked about; made from a RequestInfo or a SubjectAccessReview. */
export interface AuthorizationAttributes {
  readonly user: UserInfo;
  readonly verb: string;
  readonly namespace: string;
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  readonly isResourceRequest: boolean;
  readonly path: string;
  /** Of a list, watch or deletecollection, where it has one: the node authorizer reads it. */
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export interface AuthorizationDecision {
  readonly allowed: boolean;
  /** Only a deny that no later authoriser may turn. */
  readonly denied?: boolean;
  readonly reason?: string;
  readonly evaluationError?: string;
}

export interface RequestContext {
  readonly user: UserInfo;
  readonly requestInfo: RequestInfo;
  readonly query: URLSearchParams;
  readonly dryRun: boolean;
  /** Who is named in managedFields: `fieldManager`, or the User-Agent up to its first slash. */
  readonly fieldManager: string;
  /** What made the caller write (`Drydock-Cause` header), if it said so. */
  readonly cause?: string;
  /** Aborts when the client goes away, the request times out or the server stops. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly server: ServerAccess;
  /** Present for requests that came over HTTP; absent for the server's own. */
  readonly exchange?: { readonly req: IncomingMessage; readonly res: ServerResponse };
  /** Adds a `Warning: 299` header; each text once. */
  warn(text: string): void;
  /** Present where the request's objects are written down. */
  readonly audit?: AuditedExchange;
  /** Adds to the request's audit event, if it gets one; the first value of a key stays. */
  annotate(key: string, value: string): void;
}

/** What the endpoints tell the audit log of a request. */
export interface AuditedExchange {
  setRequest(object: unknown): void;
  /** A Status, or what there is to be seen of the answer, which is only made when it is wanted. */
  setResponse(object: () => unknown): void;
}

/** What strategies, admission plugins and subresources may use of the rest of the server. */
export interface ServerAccess {
  /** The generic store of a resource, in its storage version. Throws where no such resource is served. */
  store(group: string, resource: string): InternalStore;
  authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision>;
}

/**
 * The generic store as the server's own code sees it: parsed, frozen objects; StatusErrors as a client
 * would get. Reads come from the watch cache (at least as new as the last write of this process).
 */
export interface InternalStore {
  get(namespace: string, name: string): Promise<KubeObject>;
  /** From the cache, without any wait; undefined where absent. */
  peek(namespace: string, name: string): KubeObject | undefined;
  list(namespace: string): Promise<readonly KubeObject[]>;
  /** Like `peek`: what the cache has of a namespace just now; undefined while it is not filled. */
  peekAll(namespace: string): readonly KubeObject[] | undefined;
  create(obj: KubeObject, ctx: RequestContext): Promise<KubeObject>;
  /** `change` gets a copy and returns what to store; called again after a conflict. */
  update(
    namespace: string,
    name: string,
    change: (current: KubeObject) => KubeObject,
    ctx: RequestContext,
    subresource?: string,
  ): Promise<KubeObject>;
  /**
   * As `update`, but the new state is stored as it is: no defaults, no admission, no validation, and nobody
   * becomes a manager of fields. For writes of the server's own whose request was admitted already.
   */
  rewrite(
    namespace: string,
    name: string,
    change: (current: KubeObject) => KubeObject,
    ctx: RequestContext,
  ): Promise<void>;
  delete(
    namespace: string,
    name: string,
    options: KubeObject | undefined,
    ctx: RequestContext,
  ): Promise<KubeObject>;
}
