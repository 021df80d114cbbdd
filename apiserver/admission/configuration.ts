/**
 * `--admission-control-config-file`: an AdmissionConfiguration (`apiserver.config.k8s.io/v1`), which gives
 * plugins a configuration of their own, in place or in a file. A plugin that takes none is an error: what
 * is written there would be without effect.
 */
import { parse } from 'yaml';
import type { PodSecurityOptions } from './plugins/pod-security.js';
import { LEVELS, type Level, parseLevel, parseVersion } from './pod-security/policy.js';

export interface AdmissionConfiguration {
  readonly podSecurity?: PodSecurityOptions;
}

type Fields = Readonly<Record<string, unknown>>;

/** `readFile` gets the paths of the configuration, relative ones as they stand. Throws, naming the field. */
export function parseAdmissionConfiguration(
  text: string,
  readFile: (path: string) => string,
): AdmissionConfiguration {
  const config: unknown = parse(text);
  if (!isFields(config) || config['kind'] !== 'AdmissionConfiguration')
    throw new Error('admission configuration: kind must be AdmissionConfiguration');
  if (config['apiVersion'] !== 'apiserver.config.k8s.io/v1')
    throw new Error('admission configuration: apiVersion must be apiserver.config.k8s.io/v1');
  let podSecurity: PodSecurityOptions | undefined;
  for (const plugin of Array.isArray(config['plugins']) ? config['plugins'] : []) {
    const { name, path, configuration } = isFields(plugin) ? plugin : {};
    if (name !== 'PodSecurity')
      throw new Error(
        `admission configuration: plugin ${JSON.stringify(name ?? '')} takes no configuration in this server`,
      );
    const own: unknown =
      typeof path === 'string' && path !== '' ? parse(readFile(path)) : configuration;
    podSecurity = podSecurityOf(own);
  }
  return podSecurity ? { podSecurity } : {};
}

function podSecurityOf(value: unknown): PodSecurityOptions {
  if (!isFields(value) || value['kind'] !== 'PodSecurityConfiguration')
    throw new Error(
      'admission configuration of PodSecurity: kind must be PodSecurityConfiguration',
    );
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

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
