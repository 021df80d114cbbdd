/**
 * The OpenAPI documents that the server publishes, made when they are first asked for and kept as bytes:
 *   /openapi/v2        everything, as JSON or protobuf
 *   /openapi/v3        the index: group version → URL with the document's hash
 *   /openapi/v3/PATH   one group version (`api/v1`, `apis/apps/v1`), as JSON or protobuf
 * The HTTP layer mounts `index`, `v3` and `v2`; `serveOpenApi` in `serve.ts` does it with the caching headers
 * of Kubernetes. A hash stands for the schema, the server's version and the resources of the group version,
 * so the index needs no document; descriptions are loaded for making one and then let go.
 */
import { createHash } from 'node:crypto';
import { loadDescriptions } from '../../../pkg/api/schema/builtin.js';
import type { SchemaSet } from '../../../pkg/api/schema/model.js';
import type { ResourceDefinition } from '../../registry/resource.js';
import { DefinitionWriter, type JsonObject } from './definitions.js';
import { documentV2, documentV3, GROUP_DEFINITIONS, smallPath, WELL_KNOWN } from './documents.js';
import type { PathItem } from './operation.js';
import { groupWord } from './operation-names.js';
import { encodeV2 } from './protobuf.js';
import { encodeV3 } from './protobuf-v3.js';
import { pathsOf, rootOf } from './resource-paths.js';

export interface OpenApiOptions {
  readonly resources: readonly ResourceDefinition[];
  readonly schemas: SchemaSet;
  /** Of kinds that users added: another list whenever something changed. */
  readonly custom?: () => readonly ResourceDefinition[];
  /** `v1.35.0+drydock.1` */
  readonly gitVersion: string;
}

export interface OpenApiDocument {
  readonly body: Buffer;
  /** Without quotes. */
  readonly etag: string;
}

interface Entry {
  readonly resources: readonly ResourceDefinition[];
  /** Of a document without resources. */
  readonly small?: PathItem;
  readonly etag: string;
}

export class OpenApi {
  /** By path without `/openapi/v3/`. */
  private readonly entries = new Map<string, Entry>();
  private readonly customEntries = new Map<string, Entry>();
  private custom: readonly ResourceDefinition[] = [];
  private readonly documents = new Map<string, Promise<OpenApiDocument>>();
  private indexDocument: OpenApiDocument | undefined;
  private schemaDigest: string | undefined;

  constructor(private readonly options: OpenApiOptions) {
    const byRoot = new Map<string, ResourceDefinition[]>();
    for (const resource of options.resources) {
      const root = rootOf(resource).slice(1);
      const known = byRoot.get(root);
      if (known) known.push(resource);
      else byRoot.set(root, [resource]);
    }
    for (const [root, resources] of byRoot) {
      this.entries.set(root, { resources, etag: this.hash(root, resources) });
      const group = resources[0]?.group ?? '';
      if (group !== '') {
        this.addSmall(`apis/${group}`, `get${groupWord(group)}APIGroup`, GROUP_DEFINITIONS.group);
      }
    }
    this.addSmall('api', 'getCoreAPIVersions', GROUP_DEFINITIONS.api);
    this.addSmall('apis', 'getAPIVersions', GROUP_DEFINITIONS.apis);
    for (const small of WELL_KNOWN) {
      const path = small.path.slice(1, -1);
      this.entries.set(path, { resources: [], small, etag: this.hash(path, []) });
    }
  }

  /** The body of `/openapi/v3`. */
  index(): OpenApiDocument {
    this.refresh();
    if (!this.indexDocument) {
      const paths = Object.fromEntries(
        [...this.entries, ...this.customEntries]
          .sort()
          .map(([path, { etag }]) => [
            path,
            { serverRelativeURL: `/openapi/v3/${path}?hash=${etag}` },
          ]),
      );
      this.indexDocument = withHash(Buffer.from(JSON.stringify({ paths })));
    }
    return this.indexDocument;
  }

  /** The hash of a document that is not made for it; undefined where there is none under that path. */
  etagOf(path: string): string | undefined {
    this.refresh();
    return this.entryOf(path)?.etag;
  }

  /** `api/v1`, `apis/apps/v1`; undefined where nothing is served under that path. */
  async v3(
    path: string,
    format: 'json' | 'protobuf' = 'json',
  ): Promise<OpenApiDocument | undefined> {
    this.refresh();
    const entry = this.entryOf(path);
    if (!entry) return undefined;
    // Those of custom kinds are many, large, and rarely read.
    if (this.customEntries.has(path)) return this.makeV3(entry, format);
    return this.once(`v3 ${format} ${path}`, () => this.makeV3(entry, format));
  }

  private async makeV3(entry: Entry, format: 'json' | 'protobuf'): Promise<OpenApiDocument> {
    const writer = await this.writer(3, entry.resources);
    const { schemas, gitVersion } = this.options;
    const paths = entry.small ? [entry.small] : pathsOf(entry.resources, schemas);
    const document = documentV3(paths, writer, gitVersion);
    const body = format === 'json' ? Buffer.from(JSON.stringify(document)) : encodeV3(document);
    return { body, etag: entry.etag };
  }

  private entryOf(path: string): Entry | undefined {
    return this.entries.get(path) ?? this.customEntries.get(path);
  }

  /** Brings the entries of custom kinds up to date. */
  private refresh(): void {
    const now = this.options.custom?.() ?? this.custom;
    if (now === this.custom) return;
    this.custom = now;
    this.customEntries.clear();
    this.indexDocument = undefined;
    for (const format of ['json', 'protobuf']) this.documents.delete(`v2 ${format}`);
    const byRoot = new Map<string, ResourceDefinition[]>();
    for (const resource of now) {
      const root = rootOf(resource).slice(1);
      byRoot.set(root, [...(byRoot.get(root) ?? []), resource]);
    }
    for (const [root, resources] of byRoot) {
      if (this.entries.has(root)) continue;
      this.customEntries.set(root, { resources, etag: this.hash(root, resources) });
      const group = resources[0]?.group ?? '';
      const path = `apis/${group}`;
      if (!this.entries.has(path)) {
        const small = smallPath(
          `/${path}/`,
          `get${groupWord(group)}APIGroup`,
          GROUP_DEFINITIONS.group,
        );
        this.customEntries.set(path, { resources: [], small, etag: this.hash(path, []) });
      }
    }
  }

  v2(format: 'json' | 'protobuf'): Promise<OpenApiDocument> {
    this.refresh();
    return this.once(`v2 ${format}`, async () => {
      const document = await this.documentV2();
      return withHash(
        format === 'json' ? Buffer.from(JSON.stringify(document)) : encodeV2(document),
      );
    });
  }

  /** Version 2 with what others serve put in; made anew at each call. */
  async v2With(
    format: 'json' | 'protobuf',
    add: (document: JsonObject) => JsonObject,
  ): Promise<OpenApiDocument> {
    const own: JsonObject = JSON.parse((await this.v2('json')).body.toString('utf8'));
    const document = add(own);
    return withHash(format === 'json' ? Buffer.from(JSON.stringify(document)) : encodeV2(document));
  }

  private async documentV2(): Promise<JsonObject> {
    const { schemas, gitVersion } = this.options;
    const resources = [...this.options.resources, ...this.custom];
    const all = [...this.entries.values(), ...this.customEntries.values()];
    const small = all.flatMap((entry) => (entry.small ? [entry.small] : []));
    const paths = [...pathsOf(resources, schemas), ...small];
    paths.sort((a, b) => (a.path < b.path ? -1 : 1));
    return documentV2(paths, await this.writer(2, this.custom), gitVersion);
  }

  /** `documented`: of them, the custom kinds' own definitions are written, too. */
  private async writer(
    version: 2 | 3,
    documented: readonly ResourceDefinition[],
  ): Promise<DefinitionWriter> {
    const { schemas } = this.options;
    const resources = [...this.options.resources, ...this.custom];
    const custom = documented.map((definition) => definition.custom?.openApi(version) ?? {});
    const groupVersions = new Map(
      resources.map(({ group, version: of }) => [`${group}/${of}`, { group, version: of }]),
    );
    const sorted = [...groupVersions].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, gv]) => gv);
    return new DefinitionWriter(
      version,
      schemas,
      await loadDescriptions(),
      sorted,
      Object.assign({}, ...custom),
    );
  }

  /** One making at a time of each document; one that failed is tried again. */
  private once(key: string, make: () => Promise<OpenApiDocument>): Promise<OpenApiDocument> {
    const known = this.documents.get(key);
    if (known) return known;
    const made = make();
    this.documents.set(key, made);
    made.catch(() => this.documents.delete(key));
    return made;
  }

  private addSmall(path: string, id: string, definition: string): void {
    if (this.entries.has(path)) return;
    this.entries.set(path, {
      resources: [],
      small: smallPath(`/${path}/`, id, definition),
      etag: this.hash(path, []),
    });
  }

  /** Changes with everything that a document is made of. */
  private hash(path: string, resources: readonly ResourceDefinition[]): string {
    const { schemas, gitVersion } = this.options;
    const hash = createHash('sha512').update(`${gitVersion}\n${path}\n`);
    for (const of of resources) {
      const { resource, definition, verbs, strategy, scale, subresources = [], custom } = of;
      const names = subresources.map(({ name }) => name);
      hash.update(
        JSON.stringify([resource, verbs, Boolean(strategy.status), Boolean(scale), names]),
      );
      hash.update(custom ? custom.digest : JSON.stringify(schemas.get(definition)));
    }
    if (resources.length > 0) hash.update(this.allDefinitions());
    return hash.digest('hex').toUpperCase();
  }

  private allDefinitions(): string {
    if (this.schemaDigest === undefined) {
      const { schemas } = this.options;
      const hash = createHash('sha512');
      for (const name of schemas.names())
        hash.update(`${name}${JSON.stringify(schemas.get(name))}`);
      this.schemaDigest = hash.digest('hex');
    }
    return this.schemaDigest;
  }
}

function withHash(body: Buffer): OpenApiDocument {
  return { body, etag: createHash('sha512').update(body).digest('hex').toUpperCase() };
}
