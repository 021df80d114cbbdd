/**
 * Events. An event with an `eventTime` is of the newer kind and has to say who did what; one without is
 * of the older kind, which says little. Through `events.k8s.io` only the newer kind can be created, and
 * nothing of it but its series changes.
 */
import type { Event, EventsEvent } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import { type FieldError, invalid, path, required } from '../../../pkg/apimachinery/field-error.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { dnsSubdomain, qualifiedName } from './fields.js';

const MAX_REASON = 128;
const MAX_MESSAGE = 1024;
const OTHER_NAMESPACE = 'does not match event.namespace';
/** In the order in which they are told, with the names that the store has for them. */
const IMMUTABLE_FIELDS = [
  ['regarding', 'involvedObject'],
  ['reason', 'reason'],
  ['note', 'message'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
  ['type', 'type'],
  ['eventTime', 'eventTime'],
  ['action', 'action'],
  ['related', 'related'],
  ['reportingController', 'reportingController'],
  ['reportingInstance', 'reportingInstance'],
] as const;

export function validateEvent(event: Event): FieldError[] {
  const namespace = event.metadata?.namespace ?? '';
  const errors = validateInvolved(event, namespace);
  if (event.eventTime) {
    errors.push(...validateReporting(event));
    if (Buffer.byteLength(event.message ?? '') > MAX_MESSAGE) {
      errors.push(invalid(path('message'), '', `can have at most ${MAX_MESSAGE} characters`));
    }
  }
  return [...errors, ...dnsSubdomain(namespace, path('namespace'))];
}

export function validateEventUpdate(event: Event): FieldError[] {
  return validateEvent(event);
}

/** The old rules first, under the old names. */
export function validateEventV1(event: EventsEvent): FieldError[] {
  const errors = validateEvent(asCore(event));
  errors.push(...validateSeries(event));
  if (!event.eventTime) errors.push(required(path('eventTime')));
  if (event.type !== 'Normal' && event.type !== 'Warning') {
    errors.push(invalid(path('type'), '', `has invalid value: ${event.type ?? ''}`));
  }
  const { component = '', host = '' } = event.deprecatedSource ?? {};
  for (const [field, set] of [
    ['firstTimestamp', Boolean(event.deprecatedFirstTimestamp)],
    ['lastTimestamp', Boolean(event.deprecatedLastTimestamp)],
    ['count', Boolean(event.deprecatedCount)],
    ['source', component !== '' || host !== ''],
  ] as const) {
    if (set) errors.push(invalid(path(field), '', 'needs to be unset'));
  }
  return errors;
}

export function validateEventV1Update(event: EventsEvent, old: EventsEvent): FieldError[] {
  const errors = validateEvent(asCore(event));
  if (!semanticDeepEqual(event.series, old.series)) errors.push(...validateSeries(event));
  for (const [field, name] of IMMUTABLE_FIELDS) {
    errors.push(...validateImmutable(event[field], old[field], path(name)));
  }
  return errors;
}

function validateSeries({ series }: EventsEvent): FieldError[] {
  if (!series) return [];
  const errors: FieldError[] = [];
  if ((series.count ?? 0) < 2) {
    errors.push(invalid(path('series.count'), '', 'should be at least 2'));
  }
  if (!series.lastObservedTime) errors.push(required(path('series.lastObservedTime')));
  return errors;
}

function asCore(event: EventsEvent): Event {
  const { metadata = {}, eventTime, reason, action, reportingInstance, note } = event;
  const core: Event = { metadata, involvedObject: event.regarding ?? {} };
  return Object.assign(core, {
    eventTime,
    reason,
    action,
    reportingInstance,
    message: note,
    reportingComponent: event.reportingController,
  });
}

function validateInvolved(event: Event, namespace: string): FieldError[] {
  const about = event.involvedObject?.namespace ?? '';
  const free = event.eventTime ? ['default', 'kube-system'] : ['', 'default'];
  const fits =
    about === '' ? free.includes(namespace) : about === namespace || Boolean(event.eventTime);
  return fits ? [] : [invalid(path('involvedObject', 'namespace'), about, OTHER_NAMESPACE)];
}

function validateReporting(event: Event): FieldError[] {
  const at = path('reportingController');
  const controller = event.reportingComponent ?? '';
  const errors = controller === '' ? [required(at)] : [];
  errors.push(...qualifiedName(controller, at));
  for (const name of ['reportingInstance', 'action', 'reason'] as const) {
    const text = event[name] ?? '';
    if (text === '') errors.push(required(path(name)));
    if (Buffer.byteLength(text) > MAX_REASON) {
      errors.push(invalid(path(name), '', `can have at most ${MAX_REASON} characters`));
    }
  }
  return errors;
}
