/**
 * OpenAPI of extension servers beside this server's own. Version 3: the index names their documents, which
 * they serve themselves. Version 2: their paths and definitions are put into the one document. Read when
 * somebody asks, and kept for `KEEP_MS`; an extension server that has none, or is not there, adds nothing.
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../endpoints/openapi/definitions.js';
import type { OpenApi, OpenApiDocument } from '../endpoints/openapi/openapi.js';
import { callRemote } from '../server/remote-call.js';
import type { RequestContext } from '../server/request-context.js';
import type { ServiceResolver } from '../server/service-resolver.js';
import { identityHeaders } from './proxy-headers.js';
import type { ProxyClient, RemoteApi } from './remote-api.js';

const KEEP_MS = 30_000;
const TIMEOUT_MS = 5000;
const AGGREGATOR = {
  name: 'system:aggregator',
  groups: ['system:masters', 'system:authenticated'],
};

/** `apis/G/V` → where its document stands. */
type Paths = Readonly<Record<string, { readonly serverRelativeURL?: string }>>;

interface Kept {
  readonly at: number;
  readonly v3: Promise<Paths>;
  v2?: Promise<JsonObject | undefined>;
}

export interface AggregatedOpenApiOptions {
  readonly local: () => OpenApi;
  readonly remotes: () => readonly RemoteApi[];
  readonly resolver: ServiceResolver;
  readonly client: ProxyClient | undefined;
}

export class AggregatedOpenApi {
  private readonly kept = new WeakMap<RemoteApi, Kept>();

  constructor(private readonly options: AggregatedOpenApiOptions) {}

  /** The one whose document stands under this path, without `/openapi/v3/`. */
  remoteOf(path: string): RemoteApi | undefined {
    return this.options.remotes().find((remote) => remote.root === `/${path}`);
  }

  /** The body of `/openapi/v3`. */
  async index(ctx: RequestContext): Promise<OpenApiDocument> {
    const own: { paths: Paths } = JSON.parse(this.options.local().index().body.toString('utf8'));
    const all: Record<string, { readonly serverRelativeURL?: string }> = { ...own.paths };
    for (const remote of this.usable()) {
      const path = remote.root.slice(1);
      const entry = (await this.of(remote, ctx).v3)[path];
      if (entry) all[path] = entry;
    }
    return withHash(Buffer.from(JSON.stringify({ paths: all })));
  }

  /** What version 2 has besides this server's own. */
  async parts(ctx: RequestContext): Promise<readonly JsonObject[]> {
    const found = await Promise.all(
      this.usable().map((remote) => {
        const kept = this.of(remote, ctx);
        kept.v2 ??= this.read(remote, '/openapi/v2', ctx).then((document) => {
          return document && only(document, remote.root);
        });
        return kept.v2;
      }),
    );
    return found.filter((part): part is JsonObject => part !== undefined);
  }

  private usable(): RemoteApi[] {
    return this.options.remotes().filter(({ available }) => available);
  }

  private of(remote: RemoteApi, ctx: RequestContext): Kept {
    const now = ctx.clock.monotonic();
    const known = this.kept.get(remote);
    if (known && now - known.at < KEEP_MS) return known;
    const v3 = this.read(remote, '/openapi/v3', ctx).then((index) => pathsOf(index));
    const kept: Kept = { at: now, v3 };
    this.kept.set(remote, kept);
    return kept;
  }

  private async read(
    remote: RemoteApi,
    path: string,
    ctx: RequestContext,
  ): Promise<JsonObject | undefined> {
    const { resolver, client } = this.options;
    const headers = Object.entries(identityHeaders(AGGREGATOR));
    try {
      const at = await resolver.resolve(remote.namespace, remote.service, remote.port);
      const { ca, rejectUnauthorized } = remote.tls;
      const { code, text } = await callRemote({
        url: `https://${at.serverName}:${remote.port}${path}`,
        method: 'GET',
        dial: { host: at.host, port: at.port },
        serverName: at.serverName,
        headers: Object.fromEntries(headers.map(([name, value]) => [name, String(value)])),
        ...(ca === undefined ? {} : { ca }),
        ...(rejectUnauthorized ? {} : { insecure: true }),
        ...(client ? { clientCertificate: client } : {}),
        timeoutMs: TIMEOUT_MS,
        clock: ctx.clock,
      });
      if (code !== 200) return undefined;
      const document: JsonObject = JSON.parse(text);
      return document;
    } catch (err) {
      ctx.logger.debug({ err, name: remote.name, path }, 'An extension server has no OpenAPI');
      return undefined;
    }
  }
}

function pathsOf(index: JsonObject | undefined): Paths {
  const paths: unknown = index?.['paths'];
  return typeof paths === 'object' && paths !== null ? { ...paths } : {};
}

/** The paths of the group version, and all definitions: what is not needed does no harm. */
function only(document: JsonObject, root: string): JsonObject {
  const paths = objectAt(document, 'paths');
  const own = Object.entries(paths).filter(
    ([path]) => path === `${root}/` || path.startsWith(`${root}/`),
  );
  return { paths: Object.fromEntries(own), definitions: objectAt(document, 'definitions') };
}

function objectAt(document: JsonObject, key: string): JsonObject {
  const value: unknown = document[key];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  return Object.fromEntries(Object.entries(value));
}

/** Where both have a definition, the first one's stays. */
export function mergedV2(own: JsonObject, parts: readonly JsonObject[]): JsonObject {
  const paths = objectAt(own, 'paths');
  const definitions = objectAt(own, 'definitions');
  for (const part of parts) {
    for (const [name, value] of Object.entries(objectAt(part, 'paths'))) paths[name] ??= value;
    for (const [name, value] of Object.entries(objectAt(part, 'definitions')))
      definitions[name] ??= value;
  }
  return { ...own, paths, definitions };
}

function withHash(body: Buffer): OpenApiDocument {
  return { body, etag: createHash('sha512').update(body).digest('hex').toUpperCase() };
}
