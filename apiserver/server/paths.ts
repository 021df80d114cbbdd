/** Everything that the API serves besides resources: discovery, OpenAPI, version, health, metrics, keys. */
import type { SchemaSet } from '../../pkg/api/schema/model.js';
import { methodNotSupported } from '../../pkg/apimachinery/status.js';
import type { Clock } from '../../pkg/component/clock.js';
import { GIT_VERSION } from '../../pkg/component/version.js';
import { jwks, type ServerAuthenticators } from '../authn/index.js';
import type { LiveDiscovery } from '../endpoints/discovery/live-discovery.js';
import { OpenApi } from '../endpoints/openapi/openapi.js';
import { serveOpenApi } from '../endpoints/openapi/serve.js';
import { send, sendValue } from '../endpoints/respond.js';
import { DUMP_PATHS, dump } from '../flow-control/dump.js';
import type { FlowControl } from '../flow-control/flow-control.js';
import type { Stores } from '../registry/stores.js';
import { type ServerCheck, serveHealth } from './health.js';
import type { ServerMetrics } from './metrics.js';
import type { RequestContext } from './request-context.js';
import { VERSION_INFO } from './version.js';

export interface PathsOptions {
  readonly checks: readonly ServerCheck[];
  readonly metrics: ServerMetrics;
  readonly discovery: LiveDiscovery;
  readonly stores: Stores;
  readonly schemas: SchemaSet;
  readonly authenticators: ServerAuthenticators;
  readonly clock: Clock;
  /** Absent where it is switched off. */
  readonly flowControl?: FlowControl;
}

const OWN_PATHS = [
  '/.well-known/openid-configuration',
  '/healthz',
  '/livez',
  '/metrics',
  '/openapi/v2',
  '/openapi/v3',
  '/openid/v1/jwks',
  '/readyz',
  '/version',
];

export class Paths {
  readonly openApi: OpenApi;

  constructor(private readonly options: PathsOptions) {
    this.openApi = new OpenApi({
      resources: options.stores.builtIn,
      custom: () => options.stores.added,
      schemas: options.schemas,
      gitVersion: GIT_VERSION,
    });
  }

  /** False where there is nothing at the path. */
  async serve(ctx: RequestContext): Promise<boolean> {
    const { path, verb } = ctx.requestInfo;
    if (await serveHealth(this.options.checks, ctx)) return true;
    const answer = this.answerAt(path.replace(/\/+$/, '') || '/', ctx);
    if (!answer) return false;
    if (verb !== 'get' && verb !== 'head')
      throw methodNotSupported({ group: '', resource: '' }, verb);
    await answer();
    return true;
  }

  private answerAt(path: string, ctx: RequestContext): (() => Promise<void> | void) | undefined {
    const { authenticators, flowControl, clock } = this.options;
    const { serviceAccounts } = authenticators;
    const dumped = flowControl && dump(flowControl, path, clock);
    if (dumped !== undefined)
      return () => send(ctx, 200, 'text/plain; charset=utf-8', Buffer.from(dumped));
    switch (path) {
      case '/':
        return () => {
          const own = [...OWN_PATHS, ...(flowControl ? DUMP_PATHS : [])];
          const paths = [...own, ...this.options.discovery.paths].sort();
          sendValue(ctx, 200, { paths }, 'json');
        };
      case '/version':
        return () => sendValue(ctx, 200, VERSION_INFO, 'json');
      case '/metrics':
        return async () => {
          const text = await this.options.metrics.registry.metrics();
          send(ctx, 200, 'text/plain; version=0.0.4; charset=utf-8', Buffer.from(text));
        };
      case '/.well-known/openid-configuration':
        return (
          serviceAccounts &&
          (() => sendValue(ctx, 200, openIdConfiguration(serviceAccounts.issuer), 'json'))
        );
      case '/openid/v1/jwks':
        return (
          serviceAccounts &&
          (async () => {
            const body = Buffer.from(JSON.stringify(await jwks(serviceAccounts.keys)));
            send(ctx, 200, 'application/jwk-set+json', body);
          })
        );
      default:
        if (path === '/openapi/v2' || path === '/openapi/v3' || path.startsWith('/openapi/v3/')) {
          return async () => {
            if (!ctx.exchange) return;
            const { req, res } = ctx.exchange;
            await serveOpenApi(this.openApi, req, res, ctx.clock);
          };
        }
        return this.options.discovery.has(path)
          ? () => {
              this.options.discovery.serve(ctx);
            }
          : undefined;
    }
  }
}

function openIdConfiguration(issuer: string): object {
  return {
    issuer,
    jwks_uri: `${issuer}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256', 'ES256', 'ES384', 'ES512'],
  };
}
