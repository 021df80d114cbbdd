/** Probes and lifecycle hooks of a container: what is done, and how often. */
import type {
  HTTPGetAction,
  Lifecycle,
  LifecycleHandler,
  Probe,
  SleepAction,
} from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isHTTPHeaderName } from '../../../pkg/apimachinery/validation/formats.js';
import { validateNonnegative } from '../../../pkg/apimachinery/validation/object-meta.js';
import { invalidEach, nonEmpty, portNumberOrName } from './fields.js';

const ONE_HANDLER = 'may not specify more than 1 handler type';
const TIMINGS = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const;

export function validateLivenessProbe(
  probe: Probe | undefined,
  grace: number | undefined,
  at: Path,
): FieldError[] {
  if (!probe) return [];
  const errors = validateProbe(probe, grace, at);
  if (probe.successThreshold !== 1) {
    errors.push(invalid(at.child('successThreshold'), probe.successThreshold ?? 0, 'must be 1'));
  }
  return errors;
}

/** The same rules: both decide once and for all. */
export const validateStartupProbe = validateLivenessProbe;

export function validateReadinessProbe(
  probe: Probe | undefined,
  grace: number | undefined,
  at: Path,
): FieldError[] {
  if (!probe) return [];
  const errors = validateProbe(probe, grace, at);
  if (probe.terminationGracePeriodSeconds !== undefined) {
    errors.push(
      invalid(
        at.child('terminationGracePeriodSeconds'),
        probe.terminationGracePeriodSeconds,
        'must not be set for readinessProbes',
      ),
    );
  }
  return errors;
}

export function validateLifecycle(
  lifecycle: Lifecycle | undefined,
  grace: number | undefined,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  if (lifecycle?.postStart)
    errors.push(...validateHandler(lifecycle.postStart, grace, at.child('postStart')));
  if (lifecycle?.preStop)
    errors.push(...validateHandler(lifecycle.preStop, grace, at.child('preStop')));
  return errors;
}

function validateProbe(probe: Probe, grace: number | undefined, at: Path): FieldError[] {
  const errors = validateHandler(probe, grace, at);
  for (const name of TIMINGS) errors.push(...validateNonnegative(probe[name] ?? 0, at.child(name)));
  const own = probe.terminationGracePeriodSeconds;
  if (own !== undefined && own <= 0) {
    errors.push(invalid(at.child('terminationGracePeriodSeconds'), own, 'must be greater than 0'));
  }
  return errors;
}

function validateHandler(
  handler: Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & Pick<LifecycleHandler, 'sleep'>,
  grace: number | undefined,
  at: Path,
): FieldError[] {
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  const checks: [string, FieldError[] | undefined][] = [
    ['exec', exec && (exec.command?.length ? [] : [required(at.child('exec', 'command'))])],
    ['httpGet', httpGet && validateHTTPGet(httpGet, at.child('httpGet'))],
    ['tcpSocket', tcpSocket && portNumberOrName(tcpSocket.port, at.child('tcpSocket', 'port'))],
    ['grpc', grpc && portNumberOrName(grpc.port, at.child('grpc', 'port'))],
    ['sleep', sleep && validateSleep(sleep, grace, at.child('sleep'))],
  ];
  const errors: FieldError[] = [];
  let handlers = 0;
  for (const [name, found] of checks) {
    if (!found) continue;
    errors.push(...(handlers === 0 ? found : [forbidden(at.child(name), ONE_HANDLER)]));
    handlers++;
  }
  if (handlers === 0) errors.push(required(at, 'must specify a handler type'));
  return errors;
}

function validateHTTPGet(action: HTTPGetAction, at: Path): FieldError[] {
  const errors = [
    ...nonEmpty(action.path, at.child('path')),
    ...portNumberOrName(action.port, at.child('port')),
  ];
  if (action.scheme !== 'HTTP' && action.scheme !== 'HTTPS') {
    errors.push(notSupported(at.child('scheme'), action.scheme ?? '', ['HTTP', 'HTTPS']));
  }
  for (const { name } of action.httpHeaders ?? []) {
    errors.push(...invalidEach(at.child('httpHeaders'), name ?? '', isHTTPHeaderName(name ?? '')));
  }
  return errors;
}

function validateSleep(sleep: SleepAction, grace: number | undefined, at: Path): FieldError[] {
  if (grace === undefined || (sleep.seconds >= 0 && sleep.seconds <= grace)) return [];
  const text = `must be non-negative and less than terminationGracePeriodSeconds (${grace})`;
  return [invalid(at, sleep.seconds, text)];
}
