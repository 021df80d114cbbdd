/**
 * Kubernetes' protobuf at the edge of the server: which message a value is, and its bytes. The table of
 * messages is loaded for the first request that speaks protobuf, so that nobody else pays for it.
 */
import { ProtobufDecoder } from '../../pkg/api/protobuf/decode.js';
import { type EncodedObject, ProtobufEncoder } from '../../pkg/api/protobuf/encode.js';
import { loadFieldTable } from '../../pkg/api/protobuf/table.js';
import { loadBuiltinSchemas } from '../../pkg/api/schema/builtin.js';
import type { SchemaSet } from '../../pkg/api/schema/model.js';
import { apiVersionOf, type KubeObject } from '../../pkg/apimachinery/meta.js';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
/** These belong to every group. */
const META_KINDS = new Set([
  'APIGroup',
  'APIGroupList',
  'APIResourceList',
  'APIVersions',
  'DeleteOptions',
  'PartialObjectMetadata',
  'PartialObjectMetadataList',
  'Status',
]);

export class ProtobufCodec {
  readonly decoder: ProtobufDecoder;
  readonly encoder: ProtobufEncoder;
  private readonly definitions = new Map<string, string>();

  constructor(table: ConstructorParameters<typeof ProtobufEncoder>[0], schemas: SchemaSet) {
    this.decoder = new ProtobufDecoder(table);
    this.encoder = new ProtobufEncoder(table);
    for (const name of schemas.names()) {
      if (!this.encoder.has(name)) continue;
      for (const gvk of schemas.get(name).groupVersionKinds ?? [])
        this.definitions.set(`${apiVersionOf(gvk)} ${gvk.kind}`, name);
    }
    for (const version of ['v2', 'v2beta1']) {
      this.definitions.set(
        `apidiscovery.k8s.io/${version} APIGroupDiscoveryList`,
        `io.k8s.api.apidiscovery.${version}.APIGroupDiscoveryList`,
      );
    }
  }

  /** The message of a kind; undefined for one without (custom resources). */
  definitionOf(apiVersion: string, kind: string): string | undefined {
    return META_KINDS.has(kind) ? `${META}.${kind}` : this.definitions.get(`${apiVersion} ${kind}`);
  }

  /** Undefined for a kind without a message. */
  encode(value: KubeObject): EncodedObject | undefined {
    // What lists the versions of `/api` has none itself.
    const { apiVersion = 'v1', kind = '' } = value;
    const definition = this.definitionOf(apiVersion, kind);
    if (definition === undefined) return undefined;
    return this.encoder.encode(definition, { apiVersion, kind }, value);
  }
}

let loading: Promise<ProtobufCodec> | undefined;
let loaded: ProtobufCodec | undefined;

export function loadProtobuf(): Promise<ProtobufCodec> {
  loading ??= Promise.all([loadFieldTable(), loadBuiltinSchemas()]).then(([table, schemas]) => {
    loaded = new ProtobufCodec(table, schemas);
    return loaded;
  });
  return loading;
}

/** What `loadProtobuf` resolved to: whoever answers in protobuf has awaited it when the request came. */
export function protobufCodec(): ProtobufCodec {
  if (!loaded) throw new Error('an answer in protobuf before its table was loaded');
  return loaded;
}

/** Whether the answer may have to be protobuf. */
export function mayWantProtobuf(accept: string | undefined): boolean {
  return accept?.includes('protobuf') ?? false;
}

/** Resolves at once where there is nothing to load. */
export function prepareProtobuf(accept: string | undefined): Promise<unknown> | undefined {
  return loaded || !mayWantProtobuf(accept) ? undefined : loadProtobuf();
}
