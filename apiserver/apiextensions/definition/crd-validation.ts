/**
 * Everything that is checked of a CustomResourceDefinition, in upstream's words and places: what all versions
 * have in common stands where Kubernetes' internal type has it (`spec.validation`, `spec.subresources`,
 * `spec.additionalPrinterColumns`), since that is what its messages name.
 */
import { setImmediate as othersTurn } from 'node:timers/promises';
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionVersion,
  CustomResourceSubresources,
  CustomResourceValidation,
} from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isDNS1035Label, isDNS1123Subdomain } from '../../../pkg/apimachinery/validation/names.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { APPROVAL_ANNOTATION, apiApproval, isProtectedGroup } from '../api-approval.js';
import { isTrue } from '../crd-status.js';
import { JsonPath } from '../json-path.js';
import type { JsonSchema } from '../schema/structural.js';
import { validateRules } from '../validation-rules.js';
import { validateConversion } from './conversion.js';
import { validateDefaults } from './default-validation.js';
import { validateSchemaRules } from './schema-rules.js';
import { validateSelectableFields } from './selectable-fields.js';
import { faultsOf, isKnownSound, type SchemaCheck } from './sound-schemas.js';
import { validateStructural } from './structural-validation.js';

const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = [
  'byte',
  'date',
  'date-time',
  'double',
  'float',
  'int32',
  'int64',
  'password',
];
const MAX_WARNING_LENGTH = 256;
/** What may stand at the root beside properties where status is a subresource; Go's names, as the message has them. */
const ROOT_FIELDS: Readonly<Record<string, string>> = {
  description: 'Description',
  type: 'Type',
  format: 'Format',
  title: 'Title',
  maximum: 'Maximum',
  exclusiveMaximum: 'ExclusiveMaximum',
  minimum: 'Minimum',
  exclusiveMinimum: 'ExclusiveMinimum',
  maxLength: 'MaxLength',
  minLength: 'MinLength',
  pattern: 'Pattern',
  maxItems: 'MaxItems',
  minItems: 'MinItems',
  uniqueItems: 'UniqueItems',
  multipleOf: 'MultipleOf',
  required: 'Required',
  items: 'Items',
  properties: 'Properties',
  externalDocs: 'ExternalDocs',
  example: 'Example',
  'x-kubernetes-preserve-unknown-fields': 'XPreserveUnknownFields',
  'x-kubernetes-validations': 'XValidations',
};

/** `old` undefined for a new one. */
export function validateDefinition(
  crd: CustomResourceDefinition,
  old?: CustomResourceDefinition,
): FieldError[] {
  const { spec, metadata } = crd;
  const at = path('spec');
  const errors: FieldError[] = [];
  if (!old && metadata?.name !== `${spec.names.plural}.${spec.group}`) {
    const text = 'must be spec.names.plural+"."+spec.group';
    errors.push(invalid('metadata.name', metadata?.name ?? '', text));
  }
  errors.push(...validateGroupAndScope(crd, at));
  errors.push(...validateVersions(crd, old, at));
  for (const field of ['plural', 'singular', 'kind', 'listKind'] as const)
    if (!spec.names[field]) errors.push(required(at.child('names', field)));
  errors.push(...validateNames(spec.names, at.child('names')));
  errors.push(...validateConversion(spec.conversion, at.child('conversion')));
  if (old) errors.push(...validateImmutables(crd, old, at));
  const accepted = crd.status?.acceptedNames;
  if (accepted) errors.push(...validateNames(accepted, path('status', 'acceptedNames')));
  errors.push(...validateStoredVersions(crd));
  errors.push(...validateApproval(crd, old));
  if (spec.preserveUnknownFields === true && old?.spec.preserveUnknownFields !== true) {
    const text =
      'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
    errors.push(invalid(at.child('preserveUnknownFields'), true, text));
  }
  return errors;
}

function validateGroupAndScope({ spec }: CustomResourceDefinition, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const group = at.child('group');
  if (!spec.group) errors.push(required(group));
  else {
    const wrong = isDNS1123Subdomain(spec.group);
    if (wrong.length > 0) errors.push(invalid(group, spec.group, wrong.join(',')));
    else if (!spec.group.includes('.'))
      errors.push(invalid(group, spec.group, 'should be a domain with at least one dot'));
  }
  const scopes = ['Cluster', 'Namespaced'];
  if (!spec.scope) errors.push(required(at.child('scope')));
  else if (!scopes.includes(spec.scope))
    errors.push(notSupported(at.child('scope'), spec.scope, scopes));
  return errors;
}

function validateVersions(
  { spec }: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  const { versions } = spec;
  const list = at.child('versions');
  if (versions.some(({ schema }) => !schema?.openAPIV3Schema)) {
    for (const [i, { schema }] of versions.entries()) {
      if (!schema?.openAPIV3Schema)
        errors.push(
          required(list.index(i).child('schema', 'openAPIV3Schema'), 'schemas are required'),
        );
    }
  }
  const [first] = versions;
  const shared = (
    field: 'schema' | 'subresources' | 'additionalPrinterColumns' | 'selectableFields',
  ) => versions.every((version) => semanticDeepEqual(version[field], first?.[field]));
  const where = {
    schema: shared('schema') ? at.child('validation') : undefined,
    subresources: shared('subresources') ? at.child('subresources') : undefined,
    columns: shared('additionalPrinterColumns') ? at.child('additionalPrinterColumns') : undefined,
    fields: shared('selectableFields') ? at.child('selectableFields') : undefined,
  };
  for (const [i, version] of versions.entries()) {
    const here = list.index(i);
    const wrong = isDNS1035Label(version.name);
    if (wrong.length > 0) errors.push(invalid(here.child('name'), version.name, wrong.join(',')));
    errors.push(...validateDeprecation(version, here.child('deprecationWarning')));
    const before = old?.spec.versions.find(({ name }) => name === version.name);
    const firstOrOwn = (shownAt: Path | undefined, own: Path) =>
      shownAt === undefined ? own : i === 0 ? shownAt : undefined;
    const schemaAt = firstOrOwn(where.schema, here.child('schema'));
    const subresourcesAt = firstOrOwn(where.subresources, here.child('subresources'));
    const columnsAt = firstOrOwn(where.columns, here.child('additionalPrinterColumns'));
    const fieldsAt = firstOrOwn(where.fields, here.child('selectableFields'));
    const status = (where.subresources ? first : version)?.subresources?.status !== undefined;
    if (schemaAt) {
      errors.push(...validateSchema(version.schema, before?.schema, status, schemaAt));
    }
    if (subresourcesAt) errors.push(...validateSubresources(version.subresources, subresourcesAt));
    if (columnsAt)
      for (const [j, column] of (version.additionalPrinterColumns ?? []).entries())
        errors.push(...validateColumn(column, columnsAt.index(j)));
    const schema = version.schema?.openAPIV3Schema;
    if (fieldsAt && version.selectableFields?.length && schema)
      errors.push(...validateSelectableFields(version.selectableFields, schema, fieldsAt));
  }
  if (new Set(versions.map(({ name }) => name)).size < versions.length)
    errors.push(invalid(list, versions, 'must contain unique version names'));
  if (versions.filter(({ storage }) => storage).length !== 1)
    errors.push(invalid(list, versions, 'must have exactly one version marked as storage version'));
  return errors;
}

function validateDeprecation(version: CustomResourceDefinitionVersion, at: Path): FieldError[] {
  const { deprecated, deprecationWarning: text } = version;
  if (text === undefined) return [];
  if (!deprecated) return [invalid(at, text, 'can only be set for deprecated versions')];
  const errors: FieldError[] = [];
  if (text.length > MAX_WARNING_LENGTH)
    errors.push(invalid(at, text, `must be <= ${MAX_WARNING_LENGTH} characters long`));
  if (text === '') errors.push(invalid(at, text, 'must not be an empty string'));
  const wrong = text.search(/[^\P{C}]|[\p{Zl}\p{Zp}]|(?! )\p{Zs}/u);
  if (wrong >= 0) {
    const why = `must only contain printable UTF-8 characters; non-printable character found at index ${wrong}`;
    errors.push(invalid(at, text, why));
  }
  return errors;
}

function validateSchema(
  validation: CustomResourceValidation | undefined,
  before: CustomResourceValidation | undefined,
  status: boolean,
  at: Path,
): FieldError[] {
  const schema: JsonSchema | undefined = validation?.openAPIV3Schema;
  if (!schema) return [];
  const here = at.child('openAPIV3Schema');
  const errors: FieldError[] = [];
  if (status) errors.push(...validateRootFields(schema, here));
  if (schema.nullable === true)
    errors.push(forbidden(here.child('nullable'), 'nullable cannot be true at the root'));
  const [structure, defaults, form, rules] = schemaChecks(schema, here);
  const structural = faultsOf(schema, structure);
  errors.push(...(structural.length > 0 ? structural : faultsOf(schema, defaults)));
  errors.push(...faultsOf(schema, form));
  if (errors.length > 0 || isKnownSound(schema, rules)) return errors;
  const old = before?.openAPIV3Schema;
  return old ? validateRules(schema, here, old) : faultsOf(schema, rules);
}

/** In their order: each needs what those before it have made sure of. */
function schemaChecks(
  schema: JsonSchema,
  at: Path,
): readonly [SchemaCheck, SchemaCheck, SchemaCheck, SchemaCheck] {
  return [
    { name: 'structure', run: () => validateStructural(schema, at) },
    { name: 'defaults', run: () => validateDefaults(schema, at) },
    { name: 'form', run: () => validateSchemaRules(schema, at) },
    { name: 'rules', run: () => validateRules(schema, at, undefined) },
  ];
}

/**
 * The costly checks of large schemas, with others' turns in between, so that `validateDefinition` finds them done.
 * What is wrong it finds again, and says.
 */
export async function checkSchemasAhead({ spec }: CustomResourceDefinition): Promise<void> {
  for (const { schema } of spec.versions ?? []) {
    const model: JsonSchema | undefined = schema?.openAPIV3Schema;
    if (!model) continue;
    for (const check of schemaChecks(model, path('spec', 'versions'))) {
      if (isKnownSound(model, check)) continue;
      await othersTurn();
      if (faultsOf(model, check).length > 0) break;
    }
  }
}

function validateRootFields(schema: JsonSchema, at: Path): FieldError[] {
  for (const field of Object.keys(schema)) {
    if (field === 'type') {
      const text =
        'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
      if (schema.type !== 'object') return [invalid(at.child('type'), schema.type, text)];
    } else if (!Object.hasOwn(ROOT_FIELDS, field)) {
      const allowed = Object.values(ROOT_FIELDS).join(' ');
      const text = `only [${allowed}] fields are allowed at the root of the schema if the status subresource is enabled`;
      return [invalid(at, schema, text)];
    }
  }
  return [];
}

function validateSubresources(
  subresources: CustomResourceSubresources | undefined,
  at: Path,
): FieldError[] {
  const scale = subresources?.scale;
  if (!scale) return [];
  const errors: FieldError[] = [];
  const check = (
    field: keyof typeof scale,
    roots: readonly string[],
    where: string,
    needed: boolean,
  ) => {
    const value = scale[field] ?? '';
    const here = at.child('scale', field);
    if (value === '') {
      if (needed) errors.push(required(here));
      return;
    }
    const wrong = validateSimplePath(value, here);
    if (wrong.length > 0) errors.push(...wrong);
    else if (!roots.some((root) => value.startsWith(root)))
      errors.push(invalid(here, value, `should be a json path under ${where}`));
  };
  check('specReplicasPath', ['.spec.'], '.spec', true);
  check('statusReplicasPath', ['.status.'], '.status', true);
  check('labelSelectorPath', ['.spec.', '.status.'], 'either .spec or .status', false);
  return errors;
}

function validateColumn(column: CustomResourceColumnDefinition, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const { name, type, format, jsonPath } = column;
  if (!name) errors.push(required(at.child('name')));
  const types = `must be one of ${COLUMN_TYPES.join(',')}`;
  if (!type) errors.push(required(at.child('type'), types));
  else if (!COLUMN_TYPES.includes(type)) errors.push(invalid(at.child('type'), type, types));
  if (format && !COLUMN_FORMATS.includes(format)) {
    const text = `must be one of ${COLUMN_FORMATS.join(',')}`;
    errors.push(invalid(at.child('format'), format, text));
  }
  const here = at.child('JSONPath');
  if (!jsonPath) errors.push(required(here));
  else {
    const wrong = validateSimplePath(jsonPath, here);
    errors.push(...wrong);
    if (wrong.length === 0 && !JsonPath.parse(jsonPath))
      errors.push(
        invalid(here, jsonPath, `unrecognized column definition ${JSON.stringify(jsonPath)}`),
      );
  }
  return errors;
}

function validateSimplePath(text: string, at: Path): FieldError[] {
  return text.startsWith('.')
    ? []
    : [invalid(at, text, 'must be a simple json path starting with .')];
}

function validateNames(names: CustomResourceDefinitionNames, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['plural', 'singular', 'kind', 'listKind'] as const) {
    const value = names[field] ?? '';
    if (value === '') continue;
    const mixed = field === 'kind' || field === 'listKind';
    const wrong = isDNS1035Label(mixed ? value.toLowerCase() : value);
    const how = mixed ? 'may have mixed case, but should otherwise match: ' : '';
    if (wrong.length > 0) errors.push(invalid(at.child(field), value, how + wrong.join(',')));
  }
  for (const field of ['shortNames', 'categories'] as const) {
    for (const [i, name] of (names[field] ?? []).entries()) {
      const wrong = isDNS1035Label(name);
      if (wrong.length > 0) errors.push(invalid(at.child(field).index(i), name, wrong.join(',')));
    }
  }
  if (names.kind && names.kind === names.listKind) {
    const text = 'kind and listKind may not be the same';
    errors.push(invalid(at.child('listKind'), names.listKind, text));
  }
  return errors;
}

function validateImmutables(
  { spec }: CustomResourceDefinition,
  old: CustomResourceDefinition,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  const before = old.spec;
  if (isTrue(old, 'Established')) {
    errors.push(
      ...validateImmutable(spec.scope, before.scope, at.child('scope')),
      ...validateImmutable(spec.names.kind, before.names.kind, at.child('names', 'kind')),
    );
  }
  errors.push(
    ...validateImmutable(spec.group, before.group, at.child('group')),
    ...validateImmutable(spec.names.plural, before.names.plural, at.child('names', 'plural')),
  );
  return errors;
}

function validateStoredVersions({ spec, status }: CustomResourceDefinition): FieldError[] {
  const at = path('status', 'storedVersions');
  const stored = status?.storedVersions ?? [];
  if (stored.length === 0) return [invalid(at, stored, 'must have at least one stored version')];
  const errors: FieldError[] = [];
  for (const { name, storage } of spec.versions) {
    if (storage && !stored.includes(name))
      errors.push(invalid(at, stored, `must have the storage version ${name}`));
  }
  for (const [i, version] of stored.entries()) {
    if (spec.versions.some(({ name }) => name === version)) continue;
    const text = `missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`;
    errors.push(invalid(at.index(i), version, text));
  }
  return errors;
}

function validateApproval(
  crd: CustomResourceDefinition,
  old: CustomResourceDefinition | undefined,
): FieldError[] {
  if (!isProtectedGroup(crd.spec.group)) return [];
  const { state, reason } = apiApproval(crd.metadata?.annotations);
  if (old && apiApproval(old.metadata?.annotations).state === state) return [];
  const at = path('metadata', 'annotations').key(APPROVAL_ANNOTATION);
  if (state === 'missing') return [required(at, reason)];
  const value = crd.metadata?.annotations?.[APPROVAL_ANNOTATION];
  return state === 'invalid' ? [invalid(at, value, reason)] : [];
}
