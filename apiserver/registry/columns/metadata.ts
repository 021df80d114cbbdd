/**
 * Columns and cell texts that most kinds share: name, age, labels, selectors, containers of a template.
 * Cells read as `kubectl` users know them (`<none>`, `<unknown>`, `5m`), from
 * https://github.com/kubernetes/kubernetes/blob/v1.35.0/pkg/printers/internalversion/printers.go
 */

import type { LabelSelector, PodTemplateSpec } from '../../../pkg/api/types.js';
import { humanDuration } from '../../../pkg/apimachinery/duration.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import type { Column } from '../resource.js';

export const NONE = '<none>';
export const UNKNOWN = '<unknown>';
export const UNSET = '<unset>';

export function nameColumn<T extends KubeObject>(): Column<T> {
  return {
    name: 'Name',
    type: 'string',
    format: 'name',
    description: 'Name, unique within a namespace for the kind.',
    value: (obj) => obj.metadata?.name ?? '',
  };
}

export function ageColumn<T extends KubeObject>(): Column<T> {
  return {
    name: 'Age',
    type: 'string',
    description: 'Time since the server created the object.',
    value: (obj, now) => ageOf(obj.metadata?.creationTimestamp, now),
  };
}

/** `5m`, or `<unknown>` where no time is set. Takes a Time or a MicroTime. */
export function ageOf(timestamp: string | null | undefined, now: number): string {
  if (!timestamp) return UNKNOWN;
  const at = Date.parse(timestamp);
  return Number.isNaN(at) ? UNKNOWN : humanDuration(now - at);
}

/** `a=1,b=2` sorted by key, `<none>` for no labels. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  const keys = Object.keys(labels ?? {}).sort();
  return keys.length === 0 ? NONE : keys.map((key) => `${key}=${labels?.[key] ?? ''}`).join(',');
}

/** As `metav1.FormatLabelSelector`: `a=1,b in (x,y),!c`; `<none>` for an absent or empty selector. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  if (!selector) return NONE;
  const requirements: { key: string; text: string }[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    requirements.push({ key, text: `${key}=${value}` });
  }
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const list = `(${[...(values ?? [])].sort().join(',')})`;
    if (operator === 'In') requirements.push({ key, text: `${key} in ${list}` });
    else if (operator === 'NotIn') requirements.push({ key, text: `${key} notin ${list}` });
    else if (operator === 'Exists') requirements.push({ key, text: key });
    else if (operator === 'DoesNotExist') requirements.push({ key, text: `!${key}` });
    else return '<error>';
  }
  requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return requirements.length === 0 ? NONE : requirements.map((r) => r.text).join(',');
}

/** The wide columns of a kind that makes pods. */
export function templateColumns<T extends KubeObject>(
  templateOf: (obj: T) => PodTemplateSpec | undefined,
  priority = 1,
): Column<T>[] {
  return [
    {
      name: 'Containers',
      type: 'string',
      priority,
      description: 'Names of each container in the template.',
      value: (obj) => containersOf(templateOf(obj), 'name'),
    },
    {
      name: 'Images',
      type: 'string',
      priority,
      description: 'Images referenced by each container in the template.',
      value: (obj) => containersOf(templateOf(obj), 'image'),
    },
  ];
}

export function selectorColumn<T extends KubeObject>(
  textOf: (obj: T) => string,
  priority = 1,
): Column<T> {
  return {
    name: 'Selector',
    type: 'string',
    priority,
    description: 'Label selector of the pods that belong to the object.',
    value: textOf,
  };
}

/** `a,b,c + 2 more...`: the first `max` of a list, and how many are left out; `empty` for an empty list. */
export function listWithMore(list: readonly string[], max: number, empty: string): string {
  const shown = list.slice(0, max).join(',');
  if (list.length > max) return `${shown} + ${list.length - max} more...`;
  return shown === '' ? empty : shown;
}

function containersOf(template: PodTemplateSpec | undefined, field: 'name' | 'image'): string {
  return (template?.spec?.containers ?? []).map((container) => container[field] ?? '').join(',');
}
