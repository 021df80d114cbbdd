/** What the requests about objects aim at: every resource that is served, with an object that is right. */
import { EXAMPLES } from '../../apiserver/testing/examples.js';
import type { Schema, SchemaSet } from '../../pkg/api/schema/model.js';

export interface Target {
  /** The collection, in its namespace. */
  readonly path: string;
  readonly schema: Schema;
  readonly object: { readonly metadata: { readonly name: string } };
  /** Objects that others' requests, or the cluster's own life, would suffer from are only ever tried out. */
  readonly harmless: boolean;
  /** It would be asked about, or decide over, the requests of this test. */
  readonly acts: boolean;
  readonly subresources: readonly string[];
  readonly verbs: readonly string[];
}

interface DiscoveredResource {
  readonly resource?: string;
  readonly scope?: string;
  readonly verbs?: readonly string[];
  readonly responseKind?: { readonly kind?: string };
  readonly subresources?: readonly { readonly subresource?: string }[];
}
/** What `/api` and `/apis` answer in the aggregated form. */
export interface DiscoveredGroups {
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly {
      readonly version?: string;
      readonly resources?: readonly DiscoveredResource[];
    }[];
  }[];
}

const HARMLESS = new Set([
  ...['configmaps', 'secrets', 'services', 'endpoints', 'pods', 'podtemplates', 'serviceaccounts'],
  ...['persistentvolumeclaims', 'replicationcontrollers', 'controllerrevisions.apps'],
  ...['deployments.apps', 'statefulsets.apps', 'daemonsets.apps', 'replicasets.apps'],
  ...['jobs.batch', 'cronjobs.batch', 'poddisruptionbudgets.policy', 'leases.coordination.k8s.io'],
  ...['horizontalpodautoscalers.autoscaling', 'ingresses.networking.k8s.io'],
  ...['networkpolicies.networking.k8s.io', 'roles.rbac.authorization.k8s.io'],
  ...['rolebindings.rbac.authorization.k8s.io', 'endpointslices.discovery.k8s.io'],
  ...['events', 'resourceclaims.resource.k8s.io', 'resourceclaimtemplates.resource.k8s.io'],
]);

/** What says yes or no to others, or has others wait. */
const ACTS =
  /admissionregistration|flowcontrol|apiregistration|resourcequotas|limitranges|namespaces|^nodes$/;
/** The road to a kubelet, of which there is none behind these nodes. */
const NOT_OURS = /^(proxy|exec|attach|portforward|log)/;

/** Every resource that has an example; sorted, so that a seed means the same everywhere. */
export function targetsOf(
  groups: readonly DiscoveredGroups[],
  schemas: SchemaSet,
  namespace: string,
): readonly Target[] {
  const definitions = new Map(
    [...schemas.names()].flatMap((name) =>
      (schemas.get(name).groupVersionKinds ?? []).map(({ group, version, kind }) => [
        `${group}/${version}/${kind}`,
        schemas.get(name),
      ]),
    ),
  );
  const targets = groups
    .flatMap(({ items = [] }) => items)
    .flatMap(({ metadata, versions = [] }) =>
      versions.flatMap(({ version = '', resources = [] }) =>
        resources.flatMap((found): Target[] => {
          const group = metadata?.name ?? '';
          const kind = found.responseKind?.kind ?? '';
          const schema = definitions.get(`${group}/${version}/${kind}`);
          const id = group === '' ? `${found.resource}` : `${found.resource}.${group}`;
          const example = EXAMPLES[id];
          if (!schema || !example) return [];
          // As the examples of Events do, the others' namespace.
          const { name = 'have', ...fields } = inNamespace(example, namespace);
          const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
          const inside = found.scope === 'Namespaced' ? `/namespaces/${namespace}` : '';
          const apiVersion = group === '' ? version : `${group}/${version}`;
          return [
            {
              path: `${root}${inside}/${found.resource}`,
              schema,
              object: { apiVersion, kind, ...fields, metadata: { name, labels: { fuzz: 'x' } } },
              harmless: HARMLESS.has(id),
              acts: ACTS.test(id),
              subresources: (found.subresources ?? [])
                .map(({ subresource = '' }) => subresource)
                .filter((name) => !NOT_OURS.test(name)),
              verbs: found.verbs ?? [],
            } as Target,
          ];
        }),
      ),
    );
  return targets.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function inNamespace(
  example: (typeof EXAMPLES)[string],
  namespace: string,
): (typeof EXAMPLES)[string] {
  return JSON.parse(
    JSON.stringify(example).replaceAll('"namespace":"default"', `"namespace":"${namespace}"`),
  );
}
