/** The plugins of this server, in upstream's order, which the flags can change only by leaving some out. */
import type { OptionalApis } from '../server/optional-apis.js';
import type { ServerAccess } from '../server/request-context.js';
import type { AdmissionChain, AdmissionPluginFactory } from './admission.js';
import { PluginChain } from './chain.js';
import type { EventLimit } from './configurations/event-rate-limit.js';
import type { ImagePolicyOptions } from './configurations/image-policy.js';
import {
  NO_POD_NODE_SELECTORS,
  type PodNodeSelectors,
} from './configurations/pod-node-selectors.js';
import { NO_POD_TOLERATIONS, type PodTolerations } from './configurations/pod-tolerations.js';
import { alwaysAdmit, alwaysDeny } from './plugins/always.js';
import { alwaysPullImages } from './plugins/always-pull-images.js';
import {
  certificateApproval,
  certificateSigning,
  certificateSubjectRestriction,
} from './plugins/certificates.js';
import { defaultIngressClass, defaultStorageClass } from './plugins/default-classes.js';
import { defaultTolerationSeconds } from './plugins/default-toleration-seconds.js';
import { denyServiceExternalIPs } from './plugins/deny-service-external-ips.js';
import { eventRateLimit } from './plugins/event-rate-limit.js';
import { extendedResourceToleration } from './plugins/extended-resource-toleration.js';
import { imagePolicyWebhook } from './plugins/image-policy-webhook.js';
import { inert } from './plugins/inert.js';
import { limitPodHardAntiAffinityTopology } from './plugins/limit-pod-hard-anti-affinity-topology.js';
import { limitRanger } from './plugins/limit-ranger.js';
import { mutatingAdmissionPolicies } from './plugins/mutating-admission-policy.js';
import { namespaceLifecycle } from './plugins/namespace-lifecycle.js';
import { namespaceAutoProvision, namespaceExists } from './plugins/namespaces.js';
import { nodeRestriction } from './plugins/node-restriction.js';
import { ownerReferencesPermissionEnforcement } from './plugins/owner-references-permission-enforcement.js';
import { persistentVolumeClaimResize } from './plugins/persistent-volume-claim-resize.js';
import { podNodeSelector } from './plugins/pod-node-selector.js';
import {
  POD_SECURITY_DEFAULTS,
  type PodSecurityOptions,
  podSecurity,
} from './plugins/pod-security.js';
import { podTolerationRestriction } from './plugins/pod-toleration-restriction.js';
import { podTopologyLabels } from './plugins/pod-topology-labels.js';
import { policyParameters } from './plugins/policy-parameters.js';
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
  readonly optional?: OptionalApis;
  /** Without it nothing is refused that no namespace asks to be. */
  readonly podSecurity?: PodSecurityOptions;
  /** Without them EventRateLimit and ImagePolicyWebhook cannot be switched on. */
  readonly eventLimits?: readonly EventLimit[];
  readonly imagePolicy?: ImagePolicyOptions;
  readonly podTolerations?: PodTolerations;
  readonly podNodeSelectors?: PodNodeSelectors;
}

/** Off unless `--enable-admission-plugins` names them. */
const OPTIONAL = new Set([
  'AlwaysAdmit',
  'AlwaysDeny',
  'AlwaysPullImages',
  'DenyServiceExternalIPs',
  'EventRateLimit',
  'ExtendedResourceToleration',
  'ImagePolicyWebhook',
  'LimitPodHardAntiAffinityTopology',
  'NamespaceAutoProvision',
  'NamespaceExists',
  'OwnerReferencesPermissionEnforcement',
  'PodNodeSelector',
  'PodTolerationRestriction',
]);

/** In Kubernetes' order. */
export function admissionPlugins(options: AdmissionOptions): AdmissionPluginFactory[] {
  return [
    alwaysAdmit,
    namespaceAutoProvision,
    namespaceLifecycle,
    namespaceExists,
    limitPodHardAntiAffinityTopology,
    limitRanger,
    serviceAccount,
    nodeRestriction,
    taintNodesByCondition,
    alwaysPullImages,
    imagePolicyWebhook(options.imagePolicy),
    podSecurity(options.podSecurity ?? POD_SECURITY_DEFAULTS),
    podNodeSelector(options.podNodeSelectors ?? NO_POD_NODE_SELECTORS),
    priority,
    defaultTolerationSeconds({
      notReady: options.defaultNotReadyTolerationSeconds,
      unreachable: options.defaultUnreachableTolerationSeconds,
    }),
    podTolerationRestriction(options.podTolerations ?? NO_POD_TOLERATIONS),
    eventRateLimit(options.eventLimits),
    extendedResourceToleration,
    defaultStorageClass,
    storageObjectInUseProtection,
    ownerReferencesPermissionEnforcement(options.webhooks.resourceOfKind),
    persistentVolumeClaimResize,
    runtimeClass,
    certificateApproval,
    certificateSigning,
    inert('ClusterTrustBundleAttest'),
    certificateSubjectRestriction,
    defaultIngressClass,
    denyServiceExternalIPs,
    podTopologyLabels,
    inert('NodeDeclaredFeatureValidator'),
    options.optional?.mutatingAdmissionPolicies
      ? mutatingAdmissionPolicies(options.webhooks)
      : inert('MutatingAdmissionPolicy'),
    mutatingWebhooks(options.webhooks),
    validatingAdmissionPolicies(options.webhooks),
    validatingWebhooks(options.webhooks),
    resourceQuota,
    alwaysDeny,
  ];
}

/** Throws for a plugin that there is not: a guard that was asked for must not be missing silently. */
export function admissionChain(options: AdmissionOptions, server: ServerAccess): AdmissionChain {
  const plugins = admissionPlugins(options);
  const known = new Set(plugins.map(({ name }) => name));
  const faults = pluginFaults(options, known);
  if (faults.length > 0) throw new Error(faults.join(', '));
  const on = new Set(options.enable);
  const off = new Set(options.disable);
  const enabled = plugins.filter(
    ({ name }) => on.has(name) || !(OPTIONAL.has(name) || off.has(name)),
  );
  // Rights are not given away whatever the flags say.
  return new PluginChain(
    [
      ...enabled,
      rbacEscalation(options.rulesFor),
      policyParameters(options.webhooks.resourceOfKind),
    ].map((factory) => factory.create(server)),
  );
}

/** What is wrong with the plugins' names in the flags; `known`: those that this server has. */
export function pluginFaults(
  { enable, disable }: Pick<AdmissionOptions, 'enable' | 'disable'>,
  known: ReadonlySet<string>,
): string[] {
  const faults: string[] = [];
  for (const [flag, names] of [
    ['enable-admission-plugins', enable],
    ['disable-admission-plugins', disable],
  ] as const)
    for (const name of names) {
      if (!known.has(name)) faults.push(`${flag} plugin ${JSON.stringify(name)} is unknown`);
    }
  const both = enable.filter((name) => disable.includes(name));
  if (both.length > 0)
    faults.push(
      `[${both.join(' ')}] in enable-admission-plugins and disable-admission-plugins overlapped`,
    );
  return faults;
}
