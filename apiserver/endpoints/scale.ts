/** `autoscaling/v1 Scale`: how many replicas an object wants and has, whatever its kind. */
import { clone } from '../../pkg/apimachinery/clone.js';
import type { LabelSelector } from '../../pkg/apimachinery/labels.js';
import { selectorFromObject, selectorFromSet } from '../../pkg/apimachinery/labels.js';
import type { KubeObject, ObjectMeta } from '../../pkg/apimachinery/meta.js';
import { badRequest, conflict, invalid, OBJECT_MODIFIED } from '../../pkg/apimachinery/status.js';
import type { ResourceDefinition } from '../registry/resource.js';
import type { StoredObject } from '../storage/stored-object.js';
import type { ServedView } from './served-view.js';

export interface Scale extends KubeObject {
  spec: { replicas?: number };
  status: { replicas: number; selector?: string };
}

export function scaleOf(definition: ResourceDefinition, obj: KubeObject): Scale {
  const paths = definition.scale;
  if (!paths) throw new Error(`${definition.resource} has no scale`);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = obj.metadata ?? {};
  const replicas = numberAt(obj, paths.specReplicas);
  const selector = selectorText(valueAt(obj, paths.selector));
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: defined({ name, namespace, uid, resourceVersion, creationTimestamp }),
    spec: replicas === 0 ? {} : { replicas },
    status: {
      replicas: numberAt(obj, paths.statusReplicas),
      ...(selector === '' ? {} : { selector }),
    },
  };
}

/** The object, in the served version, with the replicas that a Scale asks for. */
export function applyScale(
  view: ServedView,
  definition: ResourceDefinition,
  current: StoredObject,
  wanted: KubeObject & { spec?: { replicas?: unknown } },
  name: string,
): KubeObject {
  const meta = wanted.metadata ?? {};
  if (meta.name && meta.name !== name) {
    throw badRequest(
      `the name of the object (${meta.name}) does not match the name on the URL (${name})`,
    );
  }
  if (meta.uid && meta.uid !== current.metadata.uid)
    throw conflict(view.qualified, name, OBJECT_MODIFIED);
  if (meta.resourceVersion && meta.resourceVersion !== String(current.revision)) {
    throw conflict(view.qualified, name, OBJECT_MODIFIED);
  }
  return applyReplicas(definition, view.of(current).object, wanted);
}

/** A copy of the object with the replicas that a Scale asks for. */
export function applyReplicas(
  definition: ResourceDefinition,
  of: KubeObject,
  wanted: KubeObject & { spec?: { replicas?: unknown } },
): KubeObject {
  const name = of.metadata?.name ?? '';
  const replicas = wanted.spec?.replicas ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas) || replicas < 0) {
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, name, [
      {
        type: 'FieldValueInvalid',
        field: 'spec.replicas',
        body: `Invalid value: ${String(replicas)}: must be greater than or equal to 0`,
      },
    ]);
  }
  const obj = clone(of);
  setAt(obj, definition.scale?.specReplicas ?? '', replicas);
  return obj;
}

function selectorText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return typeof value === 'string' ? value : '';
  const isSelector = 'matchLabels' in value || 'matchExpressions' in value;
  return isSelector
    ? selectorFromObject(value as LabelSelector).toString()
    : selectorFromSet(value as Record<string, string>).toString();
}

function valueAt(obj: object, path: string): unknown {
  let value: unknown = obj;
  for (const field of path.replace(/^\./, '').split('.')) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[field];
  }
  return value;
}

function numberAt(obj: object, path: string): number {
  const value = valueAt(obj, path);
  return typeof value === 'number' ? value : 0;
}

function setAt(obj: object, path: string, value: unknown): void {
  const fields = path.replace(/^\./, '').split('.');
  const last = fields.pop();
  let at = obj as Record<string, unknown>;
  for (const field of fields) {
    const next = at[field];
    if (typeof next === 'object' && next !== null) at = next as Record<string, unknown>;
    else {
      const made: Record<string, unknown> = {};
      at[field] = made;
      at = made;
    }
  }
  if (last !== undefined) at[last] = value;
}

function defined(meta: { [K in keyof ObjectMeta]: ObjectMeta[K] | undefined }): ObjectMeta {
  return Object.fromEntries(Object.entries(meta).filter(([, value]) => value !== undefined));
}
