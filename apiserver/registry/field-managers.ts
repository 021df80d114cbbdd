/** The FieldManager of a kind: which fields each road of writing leaves alone is the definition's. */
import type { SchemaSet } from '../../pkg/api/schema/model.js';
import { FieldManager } from '../../pkg/apimachinery/managed-fields/field-manager.js';
import { type FieldSet, setOf } from '../../pkg/apimachinery/managed-fields/field-set.js';
import {
  apiVersionOf,
  type KubeObject,
  type UnstructuredObject,
} from '../../pkg/apimachinery/meta.js';
import type { ResourceDefinition } from './resource.js';

export function fieldManager(definition: ResourceDefinition, schemas: SchemaSet): FieldManager {
  const schema = schemas.get(definition.definition);
  const fields = Object.keys(schema.properties ?? {});
  const notStatus = fields.filter(
    (field) => !['apiVersion', 'kind', 'metadata', 'status'].includes(field),
  );
  const onMain = definition.strategy.status ? setOf(['f:status']) : undefined;
  const onStatus: FieldSet = setOf(...notStatus.map((field) => [`f:${field}`]));
  return new FieldManager({
    apiVersion: apiVersionOf(definition),
    kind: definition.kind,
    schemas,
    schema,
    resetFields: (subresource) =>
      subresource === 'status' ? onStatus : subresource === '' ? onMain : undefined,
  });
}

/** Every object of the API may be read by path; only its static type says less. */
export function unstructured(obj: KubeObject): UnstructuredObject {
  return obj as UnstructuredObject;
}
