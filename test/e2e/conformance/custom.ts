/** Custom kinds for clauses, each clause in a group of its own; a definition goes with its clause. */
import type { KubernetesObject } from '@kubernetes/client-node';
import type { World } from '../../support/clause.js';
import { nameOf } from '../../support/kube.js';
import type { Resource } from '../../support/objects.js';

export interface Version {
  readonly name: string;
  readonly served?: boolean;
  readonly storage?: boolean;
  readonly schema?: object;
  readonly [more: string]: unknown;
}

export interface Definition extends KubernetesObject {
  readonly spec: {
    readonly group: string;
    readonly scope: string;
    readonly names: { readonly plural: string; readonly singular: string; readonly kind: string };
    readonly versions: readonly Version[];
    readonly conversion?: object;
  };
  readonly status?: {
    readonly conditions?: readonly { type: string; status: string; message?: string }[];
    readonly storedVersions?: readonly string[];
  };
}

/** A custom object of any shape. */
export interface Custom extends KubernetesObject {
  readonly [field: string]: unknown;
}

export const ANYTHING = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

export function definitions(w: World): Resource<Definition> {
  return w.all('apiextensions.k8s.io/v1', 'customresourcedefinitions');
}

/** Widgets, unless the plural is another one; the first version is the stored one, and holds anything. */
export function definition(
  w: World,
  {
    versions = [{ name: 'v1' }],
    plural = 'widgets',
    group = `${w.namespace}.example.com`,
    labels = {},
    conversion,
  }: {
    versions?: readonly Version[];
    plural?: string;
    group?: string;
    labels?: Record<string, string>;
    conversion?: object;
  } = {},
): Definition {
  const singular = plural.replace(/s$/, '');
  return {
    metadata: { name: `${plural}.${group}`, labels },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, singular, kind: singular.replace(/^./, (c) => c.toUpperCase()) },
      versions: versions.map(({ schema = ANYTHING, ...version }, i) => ({
        served: true,
        storage: i === 0,
        ...version,
        schema: { openAPIV3Schema: schema },
      })),
      ...(conversion === undefined ? {} : { conversion }),
    },
  };
}

/** Creates it and waits until every served version answers. */
export async function define(w: World, body: Definition): Promise<Definition> {
  const created = await definitions(w).create(body);
  const name = nameOf(created);
  w.t.teardown(async () => {
    if (await definitions(w).find(name)) await definitions(w).delete(name);
  });
  await established(w, name);
  for (const { name: version, served } of body.spec.versions) {
    if (served !== false) await answers(w, body, version);
  }
  return created;
}

export function established(w: World, name: string): Promise<Definition> {
  return w.until(`${name} is established`, async () => {
    const found = await definitions(w).get(name);
    const isIt = found.status?.conditions?.some(
      ({ type, status }) => type === 'Established' && status === 'True',
    );
    return isIt && found;
  });
}

async function answers(w: World, body: Definition, version: string): Promise<void> {
  await w.until(`${version} of ${body.metadata?.name} is served`, async () => {
    await customs(w, body, version).page();
    return true;
  });
}

/** Its objects in the clause's namespace, in that version. */
export function customs(w: World, { spec }: Definition, version = 'v1'): Resource<Custom> {
  return w.at(`${spec.group}/${version}`, spec.names.plural);
}

export function custom(
  { spec }: Definition,
  name: string,
  fields: object = {},
  version = 'v1',
): Custom {
  return {
    apiVersion: `${spec.group}/${version}`,
    kind: spec.names.kind,
    metadata: { name },
    ...fields,
  };
}
