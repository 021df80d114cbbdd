/**
 * The types of the kinds that policies are about, from what the API publishes of itself (OpenAPI v3), custom
 * kinds included. Read anew for every policy: policies change seldom, and kinds may at any time.
 */
import type { JSONSchemaProps } from '../../pkg/api/types.js';
import { parseApiVersion } from '../../pkg/apimachinery/meta.js';
import { isReason } from '../../pkg/apimachinery/status.js';
import { type DeclType, declTypeOf } from '../../pkg/cel/decl-type.js';
import type { RestClient } from '../../pkg/client/rest.js';

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

interface OpenApiSchema extends JSONSchemaProps {
  'x-kubernetes-group-version-kind'?: GroupVersionKind[];
}
interface Document {
  components?: { schemas?: Record<string, OpenApiSchema> };
}
interface ResourceList {
  resources?: { name: string; kind: string }[];
}

/** Schemas that contain themselves are followed this far. */
const MAX_NESTING = 16;

export class KindSchemas {
  private readonly documents = new Map<string, Document | undefined>();

  constructor(
    private readonly client: RestClient,
    private readonly signal: AbortSignal,
  ) {}

  /** The kind of a resource; undefined where there is no such resource. */
  async kindOf(group: string, version: string, resource: string): Promise<string | undefined> {
    const list = await this.read<ResourceList>(`/${pathOf(group, version)}`);
    return list?.resources?.find(({ name }) => name === resource)?.kind;
  }

  /** Undefined where the API says nothing of the kind. */
  async typeOf({ group, version, kind }: GroupVersionKind): Promise<DeclType | undefined> {
    const path = `/openapi/v3/${pathOf(group, version)}`;
    if (!this.documents.has(path)) this.documents.set(path, await this.read<Document>(path));
    const schemas = this.documents.get(path)?.components?.schemas ?? {};
    const schema = Object.values(schemas).find((candidate) =>
      candidate['x-kubernetes-group-version-kind']?.some(
        (of) => of.group === group && of.version === version && of.kind === kind,
      ),
    );
    return schema && declTypeOf(resolve(schema, schemas, 0), true, kind);
  }

  private async read<T>(path: string): Promise<T | undefined> {
    try {
      const { text } = await this.client.request({ path, signal: this.signal });
      return JSON.parse(text) as T;
    } catch (err) {
      if (isReason(err, 'NotFound')) return undefined;
      throw err;
    }
  }
}

function pathOf(group: string, version: string): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

/** With every reference replaced by what it names. */
function resolve(
  schema: OpenApiSchema,
  schemas: Readonly<Record<string, OpenApiSchema>>,
  depth: number,
): JSONSchemaProps {
  if (depth > MAX_NESTING) return { 'x-kubernetes-preserve-unknown-fields': true };
  const ref = schema.$ref ?? (schema.allOf?.length === 1 ? schema.allOf[0]?.$ref : undefined);
  if (ref !== undefined) {
    const named = schemas[ref.slice(ref.lastIndexOf('/') + 1)];
    return named
      ? resolve(named, schemas, depth)
      : { 'x-kubernetes-preserve-unknown-fields': true };
  }
  if (schema.format === 'int-or-string') return { 'x-kubernetes-int-or-string': true };
  // A quantity may be sent as a number, and is a string.
  if (!schema.type && schema.oneOf?.some(({ type }) => type === 'string'))
    return { type: 'string' };
  const below = (part: OpenApiSchema) => resolve(part, schemas, depth + 1);
  const { properties, items, additionalProperties, ...rest } = schema;
  return {
    ...rest,
    ...(properties
      ? {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, part]) => [name, below(part)]),
          ),
        }
      : {}),
    ...(items && !Array.isArray(items) ? { items: below(items) } : {}),
    ...(typeof additionalProperties === 'object'
      ? { additionalProperties: below(additionalProperties) }
      : {}),
  };
}

/** `apps/v1, Kind=Deployment` */
export function kindText({ group, version, kind }: GroupVersionKind): string {
  return `${group}/${version}, Kind=${kind}`;
}

export function parseKind(apiVersion: string, kind: string): GroupVersionKind {
  return { ...parseApiVersion(apiVersion), kind };
}
