/**
 * PodTolerationRestriction: new pods get the tolerations of their namespace, or the cluster's, besides their
 * own, and tolerate nothing that the namespace's whitelist, or the cluster's, has not.
 */
import type { Pod, Toleration } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import { qosClass } from '../../registry/defaults/qos-class.js';
import type { ServerAccess } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import { type PodTolerations, parseTolerations } from '../configurations/pod-tolerations.js';
import { refuse } from '../refuse.js';

const DEFAULTS = 'scheduler.alpha.kubernetes.io/defaultTolerations';
const WHITELIST = 'scheduler.alpha.kubernetes.io/tolerationsWhitelist';
/** Only pods without any request are kept off a node that is short of memory. */
const MEMORY_PRESSURE: Toleration = {
  key: 'node.kubernetes.io/memory-pressure',
  operator: 'Exists',
  effect: 'NoSchedule',
};

export function podTolerationRestriction(cluster: PodTolerations): AdmissionPluginFactory {
  return {
    name: 'PodTolerationRestriction',
    create: (server) => ({
      name: 'PodTolerationRestriction',
      handles: (operation, group, resource, subresource) =>
        (operation === 'CREATE' || operation === 'UPDATE') &&
        group === '' &&
        resource === 'pods' &&
        subresource === '',
      async admit(attributes, ctx) {
        const pod: Pod = attributes.object ?? {};
        if (!pod.spec) return;
        const extra: Toleration[] = [];
        if (attributes.operation === 'CREATE')
          extra.push(...((await annotated(server, attributes, DEFAULTS)) ?? cluster.default));
        if (qosClass(pod) !== 'BestEffort') extra.push(MEMORY_PRESSURE);
        if (extra.length > 0)
          pod.spec.tolerations = merged([...(pod.spec.tolerations ?? []), ...extra]);
        await this.validate?.(attributes, ctx);
      },
      async validate(attributes) {
        const pod: Pod = attributes.object ?? {};
        const own = pod.spec?.tolerations ?? [];
        if (own.length === 0) return;
        const named = await annotated(server, attributes, WHITELIST);
        const whitelist = named ?? cluster.whitelist;
        if (whitelist.length === 0) return;
        if (own.every((one) => whitelist.some((allowed) => covers(allowed, one)))) return;
        // DEVIATION: upstream's answer has these words, too, but the code 500, though the request is to blame.
        throw refuse(
          attributes,
          `pod tolerations (possibly merged with namespace default tolerations) conflict with its ${named ? 'namespace' : 'cluster'} whitelist`,
        );
      },
    }),
  };
}

/** Undefined where the namespace does not say; an empty annotation says that there are none. */
async function annotated(
  server: ServerAccess,
  attributes: AdmissionAttributes,
  annotation: string,
): Promise<readonly Toleration[] | undefined> {
  const store = server.store('', 'namespaces');
  const found = store.peek('', attributes.namespace) ?? (await store.get('', attributes.namespace));
  const text = found.metadata?.annotations?.[annotation];
  if (text === undefined) return undefined;
  if (text === '') return [];
  try {
    return parseTolerations(text);
  } catch (err) {
    throw refuse(
      attributes,
      `annotation ${annotation} of the namespace: ${err instanceof Error ? err.message : String(err)}`,
    );
  }
}

/** Without those that another one covers; of equal ones the first stays. */
function merged(all: readonly Toleration[]): Toleration[] {
  const kept: Toleration[] = [];
  for (const [i, one] of all.entries()) {
    if (kept.some((other) => covers(other, one))) continue;
    const later = all.slice(i + 1);
    if (later.some((other) => !semanticDeepEqual(one, other) && covers(other, one))) continue;
    kept.push({ ...one });
  }
  return kept;
}

/** Whether `wide` tolerates everything that `one` does. */
function covers(wide: Toleration, one: Toleration): boolean {
  if (semanticDeepEqual(wide, one)) return true;
  const anyKey = !wide.key && wide.operator === 'Exists';
  if ((one.key ?? '') !== (wide.key ?? '') && !anyKey) return false;
  if (wide.effect && one.effect !== wide.effect) return false;
  if (wide.effect === 'NoExecute' && wide.tolerationSeconds !== undefined) {
    if (one.tolerationSeconds === undefined) return false;
    if (one.tolerationSeconds > wide.tolerationSeconds) return false;
  }
  if (wide.operator === 'Exists') return true;
  return (
    (wide.operator ?? 'Equal') === 'Equal' &&
    one.operator === 'Equal' &&
    (one.value ?? '') === (wide.value ?? '')
  );
}
