/**
 * Event of `events.k8s.io/v1`: the core group's Events under newer names. Stored as core Events, so both
 * groups show the same objects; the old fields live on as `deprecated…`.
 */
import type { Event, EventsEvent } from '../../../pkg/api/types.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import { UNSET_TIME } from '../defaults/unset-time.js';
import type { Column, ResourceDefinition } from '../resource.js';
import { validateEventV1, validateEventV1Update } from '../validation/event.js';
import { eventColumns, eventStrategy } from './event.js';

export const eventV1: ResourceDefinition<EventsEvent> = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  resource: 'events',
  singular: 'event',
  namespaced: true,
  shortNames: ['ev'],
  definition: 'io.k8s.api.events.v1.Event',
  storage: {
    from: { group: '', version: 'v1', resource: 'events' },
    toStored: (obj) => toCoreEvent(obj),
    fromStored: (obj) => fromCoreEvent(obj),
  },
  columns: eventColumns.map(
    (column): Column<EventsEvent> => ({
      ...column,
      value: (obj, now) => column.value(toCoreEvent(obj), now),
    }),
  ),
  strategy: {
    setDefaults(obj) {
      obj.eventTime ??= UNSET_TIME;
      obj.regarding ??= {};
      obj.deprecatedSource ??= {};
      obj.deprecatedFirstTimestamp ??= UNSET_TIME;
      obj.deprecatedLastTimestamp ??= UNSET_TIME;
    },
    validate: validateEventV1,
    validateUpdate: validateEventV1Update,
    allowCreateOnUpdate: true,
    selectableFields: (obj) => eventStrategy.selectableFields?.(toCoreEvent(obj)) ?? {},
  },
};

export function toCoreEvent(obj: KubeObject & Partial<EventsEvent>): Event {
  const {
    apiVersion: _apiVersion,
    regarding,
    note,
    reportingController,
    deprecatedSource,
    deprecatedFirstTimestamp,
    deprecatedLastTimestamp,
    deprecatedCount,
    ...same
  } = obj;
  const event: Event = {
    apiVersion: 'v1',
    ...same,
    kind: 'Event',
    involvedObject: regarding ?? {},
    source: deprecatedSource ?? {},
    firstTimestamp: deprecatedFirstTimestamp ?? UNSET_TIME,
    lastTimestamp: deprecatedLastTimestamp ?? UNSET_TIME,
    eventTime: same.eventTime ?? UNSET_TIME,
    reportingComponent: reportingController ?? '',
    reportingInstance: same.reportingInstance ?? '',
    metadata: same.metadata ?? {},
  };
  if (note !== undefined) event.message = note;
  if (deprecatedCount !== undefined) event.count = deprecatedCount;
  return event;
}

export function fromCoreEvent(obj: KubeObject & Partial<Event>): EventsEvent {
  const {
    apiVersion: _apiVersion,
    involvedObject,
    message,
    reportingComponent,
    source,
    firstTimestamp,
    lastTimestamp,
    count,
    series,
    ...same
  } = obj;
  const event: EventsEvent = {
    apiVersion: 'events.k8s.io/v1',
    ...same,
    kind: 'Event',
    eventTime: same.eventTime ?? UNSET_TIME,
    regarding: involvedObject ?? {},
    deprecatedSource: source ?? {},
    deprecatedFirstTimestamp: firstTimestamp ?? UNSET_TIME,
    deprecatedLastTimestamp: lastTimestamp ?? UNSET_TIME,
  };
  if (series)
    event.series = {
      count: series.count ?? 0,
      lastObservedTime: series.lastObservedTime ?? UNSET_TIME,
    };
  if (message !== undefined) event.note = message;
  if (reportingComponent) event.reportingController = reportingComponent;
  if (count !== undefined) event.deprecatedCount = count;
  return event;
}
