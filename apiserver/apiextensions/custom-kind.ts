/**
 * One version of a custom resource as it is served: a resource definition like any built-in kind's, made
 * from the CustomResourceDefinition, with a store of its own over the objects that all versions share.
 *
 * A cluster may have hundreds of them and use few: what costs memory (the parsed schema, its decoder, the
 * field manager, the watch cache) is made when an object is first read or written.
 */
import type { Decoder } from '../../pkg/api/schema/decoder.js';
import type { SchemaSet } from '../../pkg/api/schema/model.js';
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
} from '../../pkg/api/types.js';
import { clone } from '../../pkg/apimachinery/clone.js';
import { deepEqual, equalBut } from '../../pkg/apimachinery/equality.js';
import { FieldManager } from '../../pkg/apimachinery/managed-fields/field-manager.js';
import { setOf } from '../../pkg/apimachinery/managed-fields/field-set.js';
import type { KubeObject, UnstructuredObject } from '../../pkg/apimachinery/meta.js';
import { apiVersionOf } from '../../pkg/apimachinery/meta.js';
import { LruMap } from '../../pkg/component/lru-map.js';
import { compareVersions } from '../endpoints/discovery/groups.js';
import { ConversionNeeded } from '../registry/awaited-conversions.js';
import { unstructured } from '../registry/field-managers.js';
import type { ResourceDefinition, Strategy } from '../registry/resource.js';
import type { RequestContext } from '../server/request-context.js';
import type { ObjectConverter } from '../storage/stored-form.js';
import { isTrue } from './crd-status.js';
import { CustomDecoder } from './custom-decoder.js';
import { type CheckedBy, validateCustom, validateCustomStatus } from './custom-validation.js';
import { finalizerWarnings } from './finalizer-warnings.js';
import { openApiDefinitions } from './openapi-definitions.js';
import { printerColumns } from './printer-columns.js';
import { objectModel } from './schema/schema-model.js';
import type { JsonSchema } from './schema/structural.js';
import { selectableText } from './selectable-text.js';
import { compileRules } from './validation-rules.js';

export interface CustomKindOptions {
  /** Of today; read again whenever the schema is needed and not there. */
  readonly crd: () => CustomResourceDefinition;
  readonly version: string;
  readonly schemas: SchemaSet;
  readonly builtIn: Decoder;
  /** The kind in another of its versions, for field managers that wrote there. */
  readonly sibling: (apiVersion: string) => CustomKind | undefined;
  /** Absent: versions differ in their apiVersion alone. */
  readonly converter?: ObjectConverter;
  /** What the version was served with before its definition changed: the schema is mostly the same. */
  readonly before?: CompiledSchema;
}

/** What is made of a schema. */
export interface CompiledSchema {
  readonly schema: JsonSchema;
  readonly decoder: CustomDecoder;
  readonly checked: CheckedBy;
}

/** As many as one write of an object with many owners needs; the next write asks anew. */
const MAX_CONVERTED = 64;
const NO_SCHEMA: JsonSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

export class CustomKind {
  readonly definition: ResourceDefinition;
  private parts: CompiledSchema | undefined;
  private before: CompiledSchema | undefined;
  private manager: FieldManager | undefined;
  /** What webhooks made of objects while the owners of their fields were worked out, by version and object. */
  private readonly converted = new LruMap<UnstructuredObject>(MAX_CONVERTED);

  constructor(private readonly options: CustomKindOptions) {
    this.definition = this.define(options.crd());
    this.before = options.before;
  }

  /** As far as anybody needed it, for who takes this one's place. */
  get compiled(): CompiledSchema | undefined {
    return this.parts ?? this.before;
  }

  /** As its author wrote it. */
  get schema(): JsonSchema {
    return this.all.schema;
  }

  get decoder(): CustomDecoder {
    return this.all.decoder;
  }

  get terminating(): boolean {
    return isTrue(this.options.crd(), 'Terminating');
  }

  async convert(obj: KubeObject, apiVersion: string): Promise<KubeObject> {
    if (obj.apiVersion === apiVersion) return obj;
    const { converter } = this.options;
    const [converted] = converter ? await converter.convert([obj], apiVersion) : [];
    return converted ?? { ...obj, apiVersion };
  }

  /** As `convert`, for who cannot wait: throws ConversionNeeded where a webhook has to be asked first. */
  private convertNow(obj: UnstructuredObject, apiVersion: string): UnstructuredObject {
    const { converter } = this.options;
    if (!converter) return { ...obj, apiVersion };
    const from = { ...obj, apiVersion: obj.apiVersion ?? apiVersionOf(this.definition) };
    const key = `${apiVersion} ${JSON.stringify(from)}`;
    const known = this.converted.get(key);
    if (known) return known;
    throw new ConversionNeeded(async () => {
      const [converted] = await converter.convert([from], apiVersion);
      if (converted) this.converted.set(key, unstructured(converted));
    });
  }

  /** Changes when the schema does. */
  get digest(): string {
    const { metadata } = this.options.crd();
    return `${metadata?.uid} ${metadata?.generation}`;
  }

  openApi(version: 2 | 3): Record<string, object> {
    const { openAPIV3Schema = NO_SCHEMA } = this.versionOf(this.options.crd()).schema ?? {};
    return openApiDefinitions(this.definition, openAPIV3Schema, version);
  }

  get fields(): FieldManager {
    if (!this.manager) {
      const { schemas, sibling } = this.options;
      const { strategy, kind } = this.definition;
      this.manager = new FieldManager({
        apiVersion: apiVersionOf(this.definition),
        kind,
        schemas,
        schema: objectModel(this.schema),
        resetFields: (subresource) => {
          if (!strategy.status) return undefined;
          if (subresource === '') return setOf(['f:status']);
          return subresource === 'status' ? setOf(['f:spec']) : undefined;
        },
        otherVersions: {
          schemaOf: (apiVersion) => {
            const other = sibling(apiVersion);
            return other && objectModel(other.schema);
          },
          convert: (obj, apiVersion) => this.convertNow(obj, apiVersion),
        },
      });
    }
    return this.manager;
  }

  private get all(): CompiledSchema {
    if (!this.parts) {
      const version = this.versionOf(this.options.crd());
      const given = version.schema?.openAPIV3Schema ?? NO_SCHEMA;
      const same = deepEqual(this.before?.schema, given) ? this.before : undefined;
      this.before = undefined;
      const schema = same?.schema ?? given;
      this.parts = {
        schema,
        decoder: same?.decoder ?? new CustomDecoder(schema, this.options.builtIn),
        checked: {
          schema,
          scale: version.subresources?.scale,
          rules: same ? same.checked.rules : compileRules(schema),
        },
      };
    }
    return this.parts;
  }

  private versionOf({ spec }: CustomResourceDefinition): CustomResourceDefinitionVersion {
    const found = spec.versions.find(({ name }) => name === this.options.version);
    if (!found)
      throw new Error(`${spec.names.plural}.${spec.group} has no version ${this.options.version}`);
    return found;
  }

  private define(crd: CustomResourceDefinition): ResourceDefinition {
    const { spec, status } = crd;
    const names = status?.acceptedNames ?? spec.names;
    const version = this.versionOf(crd);
    const { scale } = version.subresources ?? {};
    const { group } = spec;
    return {
      group,
      version: version.name,
      kind: names.kind,
      listKind: names.listKind ?? `${names.kind}List`,
      resource: names.plural,
      singular: names.singular ?? '',
      namespaced: spec.scope === 'Namespaced',
      ...(names.shortNames?.length ? { shortNames: [...names.shortNames] } : {}),
      ...(names.categories?.length ? { categories: [...names.categories] } : {}),
      definition: definitionName(group, version.name, names.kind),
      storage: { prefix: `${group}/${names.plural}` },
      columns: printerColumns(clone(version.additionalPrinterColumns)),
      ...(scale
        ? {
            scale: {
              specReplicas: scale.specReplicasPath,
              statusReplicas: scale.statusReplicasPath,
              selector: scale.labelSelectorPath ?? '',
            },
          }
        : {}),
      ...(version.deprecated ? { deprecation: deprecationText(crd, version) } : {}),
      strategy: this.strategy(version),
      custom: this,
    };
  }

  private strategy(version: CustomResourceDefinitionVersion): Strategy {
    const status = version.subresources?.status !== undefined;
    const fields = (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath);
    return {
      allowUnconditionalUpdate: false,
      prepareForCreate(obj: KubeObject & { status?: unknown }) {
        if (status) delete obj.status;
        obj.metadata = { ...obj.metadata, generation: 1 };
      },
      prepareForUpdate(obj, old) {
        if (equalBut(obj, old, 'metadata', 'kind', 'apiVersion')) return;
        obj.metadata = { ...obj.metadata, generation: (old.metadata?.generation ?? 0) + 1 };
      },
      validate: (obj, ctx) => validateCustom(this.all.checked, warnWith(ctx), obj),
      validateUpdate: (obj, old, ctx) => validateCustom(this.all.checked, warnWith(ctx), obj, old),
      warningsOnCreate: (obj) => finalizerWarnings(obj),
      warningsOnUpdate: (obj, old) => finalizerWarnings(obj, old),
      selectableFields: (obj) =>
        Object.fromEntries(
          fields.map((at) => [at.replace(/^\./, ''), selectableText(obj, at)] as const),
        ),
      ...(status
        ? {
            status: {
              prepareForUpdate(obj: KubeObject, old: KubeObject) {
                const { managedFields, resourceVersion } = obj.metadata ?? {};
                obj.metadata = {
                  ...clone(old.metadata),
                  ...(managedFields ? { managedFields } : {}),
                  ...(resourceVersion ? { resourceVersion } : {}),
                };
              },
              validateUpdate: (obj: KubeObject, old: KubeObject, ctx: RequestContext) =>
                validateCustomStatus(this.all.checked, warnWith(ctx), obj, old),
            },
          }
        : {}),
    };
  }
}

function warnWith(ctx: RequestContext): (text: string) => void {
  return (text) => ctx.warn(text);
}

/** `com.example.stable.v1.CronTab` */
function definitionName(group: string, version: string, kind: string): string {
  return [...group.split('.').reverse(), version, kind].join('.');
}

function deprecationText(
  { spec }: CustomResourceDefinition,
  { name, deprecationWarning }: CustomResourceDefinitionVersion,
): string {
  if (deprecationWarning !== undefined) return deprecationWarning;
  const { kind } = spec.names;
  const [newest] = spec.versions
    .filter((v) => v.served && !v.deprecated && compareVersions(name, v.name) < 0)
    .sort((a, b) => compareVersions(b.name, a.name));
  const instead = newest ? `; use ${spec.group}/${newest.name} ${kind}` : '';
  return `${spec.group}/${name} ${kind} is deprecated${instead}`;
}
