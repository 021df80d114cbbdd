/**
 * `--admission-control-config-file`: an AdmissionConfiguration (`apiserver.config.k8s.io/v1`), which gives
 * plugins a configuration of their own, in place or in a file. A plugin that takes none is an error: what
 * is written there would be without effect.
 */
import { parse } from 'yaml';
import type { RestConfig } from '../../pkg/client/config.js';
import { type EventLimit, eventLimitsOf } from './configurations/event-rate-limit.js';
import { isFields, listAt } from './configurations/fields.js';
import { type ImagePolicyOptions, imagePolicyOf } from './configurations/image-policy.js';
import { type PodNodeSelectors, podNodeSelectorsOf } from './configurations/pod-node-selectors.js';
import { podSecurityOf } from './configurations/pod-security.js';
import { type PodTolerations, podTolerationsOf } from './configurations/pod-tolerations.js';
import type { PodSecurityOptions } from './plugins/pod-security.js';

export interface AdmissionConfiguration {
  readonly podSecurity?: PodSecurityOptions;
  readonly eventLimits?: readonly EventLimit[];
  readonly imagePolicy?: ImagePolicyOptions;
  readonly podTolerations?: PodTolerations;
  readonly podNodeSelectors?: PodNodeSelectors;
}

/** What stands in files that the configuration names; relative paths come as they stand. */
export interface ConfigurationFiles {
  readFile(path: string): string;
  /** The current context of a kubeconfig. */
  readKubeconfig(path: string): RestConfig;
}

/** Throws, naming the plugin and the field. */
export function parseAdmissionConfiguration(
  text: string,
  files: ConfigurationFiles,
): AdmissionConfiguration {
  const config: unknown = parse(text);
  if (!isFields(config) || config['kind'] !== 'AdmissionConfiguration')
    throw new Error('admission configuration: kind must be AdmissionConfiguration');
  if (config['apiVersion'] !== 'apiserver.config.k8s.io/v1')
    throw new Error('admission configuration: apiVersion must be apiserver.config.k8s.io/v1');
  let parsed: AdmissionConfiguration = {};
  for (const { name, path, configuration } of listAt(config, 'plugins')) {
    const own = (): unknown =>
      typeof path === 'string' && path !== '' ? parse(files.readFile(path)) : configuration;
    parsed = { ...parsed, ...configurationOf(String(name ?? ''), own, files) };
  }
  return parsed;
}

function configurationOf(
  name: string,
  own: () => unknown,
  files: ConfigurationFiles,
): AdmissionConfiguration {
  try {
    switch (name) {
      case 'PodSecurity':
        return { podSecurity: podSecurityOf(own()) };
      case 'EventRateLimit':
        return { eventLimits: eventLimitsOf(own()) };
      case 'ImagePolicyWebhook':
        return { imagePolicy: imagePolicyOf(own(), (path) => files.readKubeconfig(path)) };
      case 'PodTolerationRestriction':
        return { podTolerations: podTolerationsOf(own()) };
      case 'PodNodeSelector':
        return { podNodeSelectors: podNodeSelectorsOf(own()) };
    }
  } catch (err) {
    const why = err instanceof Error ? err.message : String(err);
    throw new Error(`admission configuration of ${name}: ${why}`);
  }
  throw new Error(
    `admission configuration: plugin ${JSON.stringify(name)} takes no configuration in this server`,
  );
}
