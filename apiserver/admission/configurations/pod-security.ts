/** PodSecurityConfiguration: levels for namespaces that name none, and who is let off. */
import type { PodSecurityOptions } from '../plugins/pod-security.js';
import { LEVELS, type Level, parseLevel, parseVersion } from '../pod-security/policy.js';
import { type Fields, isFields } from './fields.js';

export function podSecurityOf(value: unknown): PodSecurityOptions {
  if (!isFields(value) || value['kind'] !== 'PodSecurityConfiguration')
    throw new Error('kind must be PodSecurityConfiguration');
  const defaults = isFields(value['defaults']) ? value['defaults'] : {};
  const exemptions = isFields(value['exemptions']) ? value['exemptions'] : {};
  const of = (mode: string) => ({
    level: levelAt(defaults, mode),
    minor: versionAt(defaults, `${mode}-version`),
  });
  return {
    defaults: { enforce: of('enforce'), audit: of('audit'), warn: of('warn') },
    exemptions: {
      usernames: namesAt(exemptions, 'usernames'),
      namespaces: namesAt(exemptions, 'namespaces'),
      runtimeClasses: namesAt(exemptions, 'runtimeClasses'),
    },
  };
}

function levelAt(defaults: Fields, field: string): Level {
  const level = parseLevel(String(defaults[field] ?? 'privileged'));
  if (level) return level;
  throw new Error(
    `defaults.${field}: Invalid value: ${JSON.stringify(defaults[field])}: must be one of ${LEVELS.join(', ')}`,
  );
}

function versionAt(defaults: Fields, field: string): number {
  const minor = parseVersion(String(defaults[field] ?? 'latest'));
  if (minor !== undefined) return minor;
  throw new Error(
    `defaults.${field}: Invalid value: ${JSON.stringify(defaults[field])}: must be "latest" or "v1.x"`,
  );
}

function namesAt(exemptions: Fields, field: string): string[] {
  const names = exemptions[field] ?? [];
  if (!Array.isArray(names) || names.some((name) => typeof name !== 'string' || name === ''))
    throw new Error(`exemptions.${field}: Invalid value: must be a list of names`);
  return names.map(String);
}
