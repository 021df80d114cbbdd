/**
 * Which policy holds in a namespace: its labels `pod-security.kubernetes.io/{enforce,audit,warn}` and the
 * same with `-version`, over the defaults of the server (`k8s.io/pod-security-admission/api`).
 */
import { type FieldError, invalid, path } from '../../../pkg/apimachinery/field-error.js';

export const LEVELS = ['privileged', 'baseline', 'restricted'] as const;
export type Level = (typeof LEVELS)[number];
export type Mode = 'enforce' | 'audit' | 'warn';

export const LABEL_PREFIX = 'pod-security.kubernetes.io/';

export interface LevelVersion {
  readonly level: Level;
  /** The minor of `v1.N`; infinite for `latest`. */
  readonly minor: number;
}

export type Policy = Readonly<Record<Mode, LevelVersion>>;

const LATEST = Number.POSITIVE_INFINITY;
const PRIVILEGED: LevelVersion = { level: 'privileged', minor: LATEST };
export const PRIVILEGED_POLICY: Policy = {
  enforce: PRIVILEGED,
  audit: PRIVILEGED,
  warn: PRIVILEGED,
};

export function formatLevel({ level, minor }: LevelVersion): string {
  return `${level}:${minor === LATEST ? 'latest' : `v1.${minor}`}`;
}

export function sameLevel(a: LevelVersion, b: LevelVersion): boolean {
  return a.level === b.level && a.minor === b.minor;
}

/** How much stricter `a` is than `b`. */
export function compareLevels(a: Level, b: Level): number {
  return LEVELS.indexOf(a) - LEVELS.indexOf(b);
}

/** What cannot be read counts as the strictest, and is reported. */
export function policyOf(
  labels: Readonly<Record<string, string>> = {},
  defaults: Policy,
): { readonly policy: Policy; readonly errors: readonly FieldError[] } {
  const errors: FieldError[] = [];
  const read = <T>(label: string, parse: (text: string) => T | undefined, why: string, bad: T) => {
    const key = LABEL_PREFIX + label;
    const text = labels[key];
    if (text === undefined) return undefined;
    const value = parse(text);
    if (value !== undefined) return { value, good: true };
    errors.push(invalid(path('metadata', 'labels').key(key), text, why));
    return { value: bad, good: false };
  };
  const asked = (mode: Mode) => ({
    level: read<Level>(mode, parseLevel, `must be one of ${LEVELS.join(', ')}`, 'restricted'),
    minor: read<number>(`${mode}-version`, parseVersion, 'must be "latest" or "v1.x"', LATEST),
  });
  const merged = (mode: Mode, { level, minor }: ReturnType<typeof asked>): LevelVersion => ({
    level: level?.value ?? defaults[mode].level,
    minor: minor?.value ?? defaults[mode].minor,
  });
  const enforceLabels = asked('enforce');
  const enforce = merged('enforce', enforceLabels);
  const audit = merged('audit', asked('audit'));
  const warnLabels = asked('warn');
  let warn = merged('warn', warnLabels);
  // Who is refused should not be surprised: warnings follow what is enforced, unless they say otherwise.
  if (
    !warnLabels.level &&
    enforceLabels.level?.good &&
    compareLevels(enforce.level, warn.level) > 0
  )
    warn = { level: enforce.level, minor: warnLabels.minor ? warn.minor : enforce.minor };
  return { policy: { enforce, audit, warn }, errors };
}

export function parseLevel(text: string): Level | undefined {
  return LEVELS.find((level) => level === text);
}

export function parseVersion(text: string): number | undefined {
  if (text === 'latest') return LATEST;
  const minor = /^v1\.(0|[1-9][0-9]*)$/.exec(text)?.[1];
  return minor === undefined ? undefined : Number(minor);
}
