/** A pod against a level in a version: baseline checks first, then restricted ones, each by id. */
import type { ObjectMeta, PodSpec } from '../../../pkg/api/types.js';
import { baselineChecks } from './baseline.js';
import type { Check, CheckPod, Violation } from './check.js';
import type { LevelVersion } from './policy.js';
import { restrictedChecks } from './restricted.js';

export interface Evaluation {
  readonly allowed: boolean;
  /** `privileged, hostPort` */
  readonly reasons: string;
  /** `privileged (container "a" must not …), hostPort (…)` */
  readonly details: string;
}

const ALLOWED: Evaluation = { allowed: true, reasons: '', details: '' };

export function evaluate(
  { level, minor }: LevelVersion,
  meta: ObjectMeta,
  spec: PodSpec,
): Evaluation {
  if (level === 'privileged') return ALLOWED;
  const restricted = level === 'restricted' ? effective(restrictedChecks, minor) : [];
  const overridden = new Set(restricted.flatMap(({ check }) => check.overrides ?? []));
  const baseline = effective(baselineChecks, minor).filter(
    ({ check }) => !overridden.has(check.id),
  );
  const violations = [...baseline, ...restricted]
    .map(({ run }) => run(spec, meta))
    .filter((violation): violation is Violation => violation !== undefined);
  if (violations.length === 0) return ALLOWED;
  return {
    allowed: false,
    reasons: violations.map(({ reason }) => reason).join(', '),
    details: violations.map(({ reason, detail }) => `${reason} (${detail})`).join(', '),
  };
}

/** Each check in the newest form that is not newer than the version; not at all where all are. */
function effective(checks: readonly Check[], minor: number): { check: Check; run: CheckPod }[] {
  return checks.flatMap((check) => {
    const run = check.versions.findLast(([since]) => since <= minor)?.[1];
    return run ? [{ check, run }] : [];
  });
}
