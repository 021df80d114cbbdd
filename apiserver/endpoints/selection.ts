/** Which objects a list or watch is about: a namespace, a label selector and a field selector. */
import {
  type FieldSelector,
  FieldSelectorError,
  parseFieldSelector,
} from '../../pkg/apimachinery/fields.js';
import { parseSelector, type Selector, SelectorError } from '../../pkg/apimachinery/labels.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { badRequest } from '../../pkg/apimachinery/status.js';
import type { ResourceDefinition } from '../registry/resource.js';
import type { Interest } from '../storage/cache-subscribers.js';
import { relativeKey } from '../storage/keys.js';
import type { StoredObject } from '../storage/stored-object.js';

const METADATA_FIELDS = ['metadata.name', 'metadata.namespace'];

export class Selection {
  /** Everything in the namespace is selected. */
  readonly all: boolean;
  readonly interest: Interest;

  constructor(
    readonly namespace: string,
    private readonly labels: Selector,
    private readonly fields: FieldSelector,
    private readonly fieldsOf: (obj: KubeObject) => Record<string, string>,
    definition: ResourceDefinition,
  ) {
    this.all = labels.empty && fields.empty;
    this.interest = interestOf(namespace, fields, definition);
  }

  /** Equal for equal selections. */
  get id(): string {
    return JSON.stringify([this.namespace, this.labels.toString(), this.fields.toString()]);
  }

  matches(object: StoredObject): boolean {
    if (this.namespace !== '' && object.namespace !== this.namespace) return false;
    if (this.all) return true;
    if (!this.fields.empty && !this.fields.matches(object.fields(this.fieldsOf))) return false;
    return this.labels.empty || this.labels.matches(object.labels);
  }
}

export function selection(
  definition: ResourceDefinition,
  namespace: string,
  labelSelector: string,
  fieldSelector: string,
  fieldsOf: (obj: KubeObject) => Record<string, string>,
): Selection {
  try {
    const labels = parseSelector(labelSelector);
    const fields = parseFieldSelector(fieldSelector);
    if (!fields.empty) checkFields(definition, fields, fieldsOf);
    return new Selection(namespace, labels, fields, fieldsOf, definition);
  } catch (err) {
    if (err instanceof SelectorError || err instanceof FieldSelectorError)
      throw badRequest(err.message);
    throw err;
  }
}

function checkFields(
  definition: ResourceDefinition,
  fields: FieldSelector,
  fieldsOf: (obj: KubeObject) => Record<string, string>,
): void {
  const own = definition.strategy.selectableFields;
  const known = new Set([...METADATA_FIELDS, ...Object.keys(fieldsOf({ metadata: {} }))]);
  const unsupported = fields.unsupported((field) => known.has(field));
  if (unsupported === undefined) return;
  throw badRequest(
    own
      ? `field label not supported: ${unsupported}`
      : `${JSON.stringify(unsupported)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
  );
}

function interestOf(
  namespace: string,
  fields: FieldSelector,
  definition: ResourceDefinition,
): Interest {
  const name = fields.requiresExactMatch('metadata.name');
  if (name !== undefined && (namespace !== '' || !definition.namespaced)) {
    return { namespace, key: relativeKey(definition.namespaced, namespace, name) };
  }
  const equal = fields.requirements.find(
    (r) => r.operator === '=' && !METADATA_FIELDS.includes(r.field),
  );
  return equal ? { namespace, field: { name: equal.field, value: equal.value } } : { namespace };
}
