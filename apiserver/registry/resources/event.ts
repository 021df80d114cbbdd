/**
 * Event of the core group: what happened to an object, counted when it happens again. `events.k8s.io`
 * shows the same objects under its own names (resources/event-v1.ts).
 */
import type { Event } from '../../../pkg/api/types.js';
import { ageOf, nameColumn } from '../columns/metadata.js';
import { UNSET_TIME } from '../defaults/unset-time.js';
import type { Column, ResourceDefinition, Strategy } from '../resource.js';
import { validateEvent, validateEventUpdate } from '../validation/event.js';

export const eventColumns: readonly Column<Event>[] = [
  {
    name: 'Last Seen',
    type: 'string',
    description: 'Time since it happened last.',
    value: lastSeen,
  },
  {
    name: 'Type',
    type: 'string',
    description: 'Normal or Warning.',
    value: (event) => event.type ?? '',
  },
  {
    name: 'Reason',
    type: 'string',
    description: 'Why, in one word.',
    value: (event) => event.reason ?? '',
  },
  { name: 'Object', type: 'string', description: 'What the event is about.', value: target },
  {
    name: 'Subobject',
    type: 'string',
    priority: 1,
    description: 'Part of the object that the event is about.',
    value: (event) => event.involvedObject?.fieldPath ?? '',
  },
  { name: 'Source', type: 'string', priority: 1, description: 'Who reports it.', value: sourceOf },
  {
    name: 'Message',
    type: 'string',
    description: 'What happened.',
    value: (event) => (event.message ?? '').trim(),
  },
  {
    name: 'First Seen',
    type: 'string',
    priority: 1,
    description: 'Time since it happened first.',
    value: firstSeen,
  },
  {
    name: 'Count',
    type: 'string',
    priority: 1,
    description: 'How often it happened.',
    // An event of the newer API that happened once has no count.
    value: (event) => event.series?.count ?? (event.count || 1),
  },
  { ...nameColumn<Event>(), priority: 1 },
];

/** Events are a log, not a record: each is kept for an hour after it was last written. */
const TTL_SECONDS = 3_600;

export const eventStrategy: Strategy<Event> = {
  ttlSeconds: TTL_SECONDS,
  setDefaults(event) {
    event.involvedObject ??= {};
    event.source ??= {};
    event.firstTimestamp ??= UNSET_TIME;
    event.lastTimestamp ??= UNSET_TIME;
    event.eventTime ??= UNSET_TIME;
    event.reportingComponent ??= '';
    event.reportingInstance ??= '';
  },
  validate: validateEvent,
  validateUpdate: validateEventUpdate,
  allowCreateOnUpdate: true,
  selectableFields(event) {
    const involved = event.involvedObject ?? {};
    return {
      'involvedObject.kind': involved.kind ?? '',
      'involvedObject.namespace': involved.namespace ?? '',
      'involvedObject.name': involved.name ?? '',
      'involvedObject.uid': involved.uid ?? '',
      'involvedObject.apiVersion': involved.apiVersion ?? '',
      'involvedObject.resourceVersion': involved.resourceVersion ?? '',
      'involvedObject.fieldPath': involved.fieldPath ?? '',
      reason: event.reason ?? '',
      reportingComponent: event.reportingComponent ?? '',
      source: event.source?.component || event.reportingComponent || '',
      type: event.type ?? '',
    };
  },
};

export const event: ResourceDefinition<Event> = {
  group: '',
  version: 'v1',
  kind: 'Event',
  resource: 'events',
  singular: 'event',
  namespaced: true,
  shortNames: ['ev'],
  definition: 'io.k8s.api.core.v1.Event',
  columns: eventColumns,
  strategy: eventStrategy,
};

function firstSeen(event: Event, now: number): string {
  return ageOf(event.firstTimestamp || event.eventTime, now);
}

function lastSeen(event: Event, now: number): string {
  if (event.series) return ageOf(event.series.lastObservedTime, now);
  return event.lastTimestamp ? ageOf(event.lastTimestamp, now) : firstSeen(event, now);
}

function target(event: Event): string {
  const kind = (event.involvedObject?.kind ?? '').toLowerCase();
  const name = event.involvedObject?.name;
  return name ? `${kind}/${name}` : kind;
}

function sourceOf(event: Event): string {
  const component = event.source?.component || event.reportingComponent || '';
  const instance = event.source?.host || event.reportingInstance || '';
  return instance === '' ? component : `${component}, ${instance}`;
}
