/** The context of what the server does on its own account: no client, no connection. */
import type { Clock } from '../../../pkg/component/clock.js';
import type { Logger } from '../../../pkg/component/logger.js';
import type { RequestContext, ServerAccess, UserInfo } from '../request-context.js';

const SELF: UserInfo = {
  name: 'system:apiserver',
  groups: ['system:authenticated', 'system:masters'],
};

export interface ServerContextOptions {
  readonly server: ServerAccess;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

export function serverContext(options: ServerContextOptions): RequestContext {
  return {
    ...options,
    user: SELF,
    requestInfo: {
      isResourceRequest: false,
      path: '',
      verb: '',
      apiPrefix: '',
      group: '',
      version: '',
      namespace: '',
      resource: '',
      subresource: '',
      name: '',
      parts: [],
    },
    query: new URLSearchParams(),
    dryRun: false,
    fieldManager: 'kube-apiserver',
    warn: () => undefined,
    annotate: () => undefined,
  };
}
