/** The plugins of this server, in upstream's order, which the flags can change only by leaving some out. */
import type { ServerAccess } from '../server/request-context.js';
import type { AdmissionChain, AdmissionPluginFactory } from './admission.js';
import { PluginChain } from './chain.js';
import {
  certificateApproval,
  certificateSigning,
  certificateSubjectRestriction,
} from './plugins/certificates.js';
import { defaultIngressClass, defaultStorageClass } from './plugins/default-classes.js';
import { defaultTolerationSeconds } from './plugins/default-toleration-seconds.js';
import { limitRanger } from './plugins/limit-ranger.js';
import { namespaceLifecycle } from './plugins/namespace-lifecycle.js';
import { nodeRestriction } from './plugins/node-restriction.js';
import { persistentVolumeClaimResize } from './plugins/persistent-volume-claim-resize.js';
import {
  POD_SECURITY_DEFAULTS,
  type PodSecurityOptions,
  podSecurity,
} from './plugins/pod-security.js';
import { priority } from './plugins/priority.js';
import { type RulesFor, rbacEscalation } from './plugins/rbac-escalation.js';
import { resourceQuota } from './plugins/resource-quota.js';
import { runtimeClass } from './plugins/runtime-class.js';
import { serviceAccount } from './plugins/service-account.js';
import { storageObjectInUseProtection } from './plugins/storage-object-in-use-protection.js';
import { taintNodesByCondition } from './plugins/taint-nodes-by-condition.js';
import { validatingAdmissionPolicies } from './plugins/validating-admission-policy.js';
import { mutatingWebhooks, validatingWebhooks, type WebhookOptions } from './plugins/webhooks.js';

export interface AdmissionOptions {
  readonly defaultNotReadyTolerationSeconds: number;
  readonly defaultUnreachableTolerationSeconds: number;
  /** `--enable-admission-plugins` and `--disable-admission-plugins`. */
  readonly enable: readonly string[];
  readonly disable: readonly string[];
  readonly rulesFor: RulesFor;
  readonly webhooks: WebhookOptions;
  /** Without it nothing is refused that no namespace asks to be. */
  readonly podSecurity?: PodSecurityOptions;
}

/** All of them are on by default. */
export function admissionPlugins(options: AdmissionOptions): AdmissionPluginFactory[] {
  return [
    namespaceLifecycle,
    limitRanger,
    serviceAccount,
    nodeRestriction,
    taintNodesByCondition,
    podSecurity(options.podSecurity ?? POD_SECURITY_DEFAULTS),
    priority,
    defaultTolerationSeconds({
      notReady: options.defaultNotReadyTolerationSeconds,
      unreachable: options.defaultUnreachableTolerationSeconds,
    }),
    defaultStorageClass,
    storageObjectInUseProtection,
    persistentVolumeClaimResize,
    runtimeClass,
    certificateApproval,
    certificateSigning,
    certificateSubjectRestriction,
    defaultIngressClass,
    mutatingWebhooks(options.webhooks),
    validatingAdmissionPolicies(options.webhooks),
    validatingWebhooks(options.webhooks),
    resourceQuota,
  ];
}

/** Throws for a plugin that there is not: a guard that was asked for must not be missing silently. */
export function admissionChain(options: AdmissionOptions, server: ServerAccess): AdmissionChain {
  const plugins = admissionPlugins(options);
  const known = new Set(plugins.map(({ name }) => name));
  for (const name of [...options.enable, ...options.disable])
    if (!known.has(name)) throw new Error(`admission plugin ${JSON.stringify(name)} is unknown`);
  const disabled = new Set(options.disable.filter((name) => !options.enable.includes(name)));
  const enabled = plugins.filter(({ name }) => !disabled.has(name));
  // Rights are not given away whatever the flags say.
  return new PluginChain(
    [...enabled, rbacEscalation(options.rulesFor)].map((factory) => factory.create(server)),
  );
}
