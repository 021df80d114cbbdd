/**
 * Events. An event with an `eventTime` is of the newer kind and has to say who did what; one without is
 * of the older kind, which says little. Through `events.k8s.io` only the newer kind can be created, and
 * nothing of it but its series changes.
 */
import type { Event, EventsEvent } from '../../../pkg/api/types.js';
import { type FieldError, invalid, path, required } from '../../../pkg/apimachinery/field-error.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { dnsSubdomain, qualifiedName } from './fields.js';

const MAX_REASON = 128;
const MAX_MESSAGE = 1024;
const OTHER_NAMESPACE = 'does not match event.namespace';
const IMMUTABLE_FIELDS = [
  'eventTime',
  'reportingController',
  'reportingInstance',
  'action',
  'reason',
  'regarding',
  'related',
  'note',
  'type',
] as const;

export function validateEvent(event: Event): FieldError[] {
  const namespace = event.metadata?.namespace ?? '';
  const errors = validateInvolved(event, namespace);
  if (event.eventTime) {
    errors.push(...validateReporting(event, 'reportingComponent', event.reportingComponent));
    if (Buffer.byteLength(event.message ?? '') > MAX_MESSAGE) {
      errors.push(invalid(path('message'), '', `can have at most ${MAX_MESSAGE} characters`));
    }
  }
  return [...errors, ...dnsSubdomain(namespace, path('namespace'))];
}

export function validateEventUpdate(event: Event): FieldError[] {
  return validateEvent(event);
}

export function validateEventV1(event: EventsEvent): FieldError[] {
  const errors: FieldError[] = [];
  const namespace = event.metadata?.namespace ?? '';
  if (!event.eventTime) errors.push(required(path('eventTime')));
  if (event.type !== 'Normal' && event.type !== 'Warning') {
    errors.push(invalid(path('type'), '', `has invalid value: ${event.type ?? ''}`));
  }
  if (event.deprecatedFirstTimestamp)
    errors.push(invalid(path('firstTimestamp'), '', 'needs to be unset'));
  if (event.deprecatedLastTimestamp)
    errors.push(invalid(path('lastTimestamp'), '', 'needs to be unset'));
  if (event.deprecatedCount) errors.push(invalid(path('count'), '', 'needs to be unset'));
  if (event.deprecatedSource?.component || event.deprecatedSource?.host) {
    errors.push(invalid(path('source'), '', 'needs to be unset'));
  }
  const about = event.regarding?.namespace ?? '';
  const free = namespace === 'default' || namespace === 'kube-system';
  if ((about === '' && !free) || (about !== '' && about !== namespace)) {
    errors.push(invalid(path('involvedObject', 'namespace'), about, OTHER_NAMESPACE));
  }
  errors.push(...validateReporting(event, 'reportingController', event.reportingController));
  if (Buffer.byteLength(event.note ?? '') > MAX_MESSAGE) {
    errors.push(invalid(path('message'), '', `can have at most ${MAX_MESSAGE} characters`));
  }
  if (event.series) {
    if ((event.series.count ?? 0) < 2) {
      errors.push(invalid(path('series.count'), '', 'should be at least 2'));
    }
    if (!event.series.lastObservedTime) errors.push(required(path('series.lastObservedTime')));
  }
  return errors;
}

export function validateEventV1Update(event: EventsEvent, old: EventsEvent): FieldError[] {
  return IMMUTABLE_FIELDS.flatMap((field) =>
    validateImmutable(event[field], old[field], path(field)),
  );
}

function validateInvolved(event: Event, namespace: string): FieldError[] {
  const about = event.involvedObject?.namespace ?? '';
  const error = [invalid(path('involvedObject', 'namespace'), about, OTHER_NAMESPACE)];
  if (about !== '') return about === namespace ? [] : error;
  if (namespace === 'default' || (event.eventTime && namespace === 'kube-system')) return [];
  return namespace === '' && !event.eventTime ? [] : error;
}

function validateReporting(
  event: { reportingInstance?: string; action?: string; reason?: string },
  field: string,
  controller: string | undefined,
): FieldError[] {
  const errors = controller ? [] : [required(path(field))];
  errors.push(...qualifiedName(controller ?? '', path(field)));
  for (const name of ['reportingInstance', 'action', 'reason'] as const) {
    const text = event[name] ?? '';
    if (text === '') errors.push(required(path(name)));
    if (Buffer.byteLength(text) > MAX_REASON) {
      errors.push(invalid(path(name), '', `can have at most ${MAX_REASON} characters`));
    }
  }
  return errors;
}
