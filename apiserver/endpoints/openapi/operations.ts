/**
 * What the API's paths do, derived from the resource definitions and independent of the version of OpenAPI
 * that tells it. One `PathItem` a path, in the order of the paths.
 */

import type { SchemaSet } from '../../../pkg/api/schema/model.js';
import { apiVersionOf } from '../../../pkg/apimachinery/meta.js';
import type { ResourceDefinition, Subresource, Verb } from '../../registry/resource.js';
import { capital, groupName, tagOf } from './operation-names.js';
import {
  CONNECT_PARAMETERS,
  DELETE_COLLECTION_PARAMETERS,
  DELETE_PARAMETERS,
  LIST_PARAMETERS,
  PATCH_PARAMETERS,
  WRITE_PARAMETERS,
} from './parameters.js';

export type Method = 'get' | 'put' | 'post' | 'delete' | 'options' | 'head' | 'patch';

interface Gvk {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface Operation {
  readonly id: string;
  readonly description: string;
  /** `get`, `list`, `post`, `put`, `patch`, `delete`, `deletecollection`, `watch`, `watchlist`, `connect`. */
  readonly action?: string;
  readonly kind?: Gvk;
  readonly tag: string;
  /** Of the query, besides the path item's own. */
  readonly parameters: readonly string[];
  /** The definition of the body; `Patch` for all kinds of patches. */
  readonly body?: {
    readonly definition: string;
    readonly required: boolean;
    /** `structural`: of a custom kind, which takes no strategic merge patch. */
    readonly patch?: 'any' | 'structural';
  };
  /** Code → definition; absent: a text. */
  readonly responses: Readonly<Record<string, string | undefined>>;
  readonly produces: 'object' | 'list' | 'text' | 'any' | 'json' | 'keys' | 'version';
}

export interface PathItem {
  readonly path: string;
  readonly parameters: readonly string[];
  readonly operations: Partial<Record<Method, Operation>>;
}

export const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const ALL_VERBS: readonly Verb[] = [
  'create',
  'get',
  'list',
  'watch',
  'update',
  'patch',
  'delete',
  'deletecollection',
];
const PROXY_METHODS: readonly Method[] = [
  'delete',
  'get',
  'head',
  'options',
  'patch',
  'post',
  'put',
];
const SCALE: Gvk = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

/** `/api/v1`, `/apis/apps/v1` */
export function rootOf(gv: { group: string; version: string }): string {
  return gv.group === '' ? `/api/${gv.version}` : `/apis/${gv.group}/${gv.version}`;
}

export function pathsOf(resources: readonly ResourceDefinition[], schemas: SchemaSet): PathItem[] {
  const definitions = kindIndex(schemas);
  const paths = resources.flatMap((resource) => new ResourcePaths(resource, definitions).all());
  const roots = new Map(resources.map((resource) => [rootOf(resource), resource]));
  for (const [root, resource] of roots) paths.push(rootPath(root, resource));
  return paths.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** `apps/v1/Deployment` → the definition's name */
function kindIndex(schemas: SchemaSet): ReadonlyMap<string, string> {
  const index = new Map<string, string>();
  for (const name of schemas.names()) {
    const gvks = schemas.get(name).groupVersionKinds ?? [];
    for (const gvk of gvks) index.set(`${apiVersionOf(gvk)}/${gvk.kind}`, name);
  }
  return index;
}

/** The list of a group version's resources. */
function rootPath(root: string, gv: { group: string; version: string }): PathItem {
  const get: Operation = {
    id: `get${groupName(gv)}APIResources`,
    description: 'get available resources',
    tag: tagOf(gv),
    parameters: [],
    responses: { 200: `${META}APIResourceList` },
    produces: 'object',
  };
  return { path: `${root}/`, parameters: [], operations: { get } };
}

class ResourcePaths {
  private readonly gvk: Gvk;
  private readonly list: string;
  private readonly scope: string;

  constructor(
    private readonly resource: ResourceDefinition,
    private readonly definitions: ReadonlyMap<string, string>,
  ) {
    const { group, version, kind, namespaced } = resource;
    this.gvk = { group, version, kind };
    this.list = `${resource.definition}List`;
    this.scope = namespaced ? 'Namespaced' : '';
  }

  all(): PathItem[] {
    const { resource } = this;
    const root = rootOf(resource);
    const verbs = new Set(resource.verbs ?? ALL_VERBS);
    const { namespaced } = resource;
    const collection = `${root}/${namespaced ? 'namespaces/{namespace}/' : ''}${resource.resource}`;
    const item = `${collection}/{name}`;
    const inScope = namespaced ? ['namespace'] : [];
    const paths: PathItem[] = [
      {
        path: collection,
        parameters: [...inScope, 'pretty'],
        operations: this.onCollection(verbs),
      },
      { path: item, parameters: ['name', ...inScope, 'pretty'], operations: this.onItem(verbs) },
    ];
    if (namespaced && verbs.has('list')) {
      const everywhere = this.operation('list', `${resource.kind}ForAllNamespaces`, 'list', {
        parameters: [],
        responses: { 200: this.list },
        produces: 'list',
      });
      paths.push({
        path: `${root}/${resource.resource}`,
        parameters: [...LIST_PARAMETERS, 'pretty'].sort(),
        operations: { get: everywhere },
      });
    }
    if (verbs.has('watch')) paths.push(...this.watches(inScope));
    paths.push(...this.subresources(item, ['name', ...inScope]));
    return paths.filter(({ operations }) => Object.keys(operations).length > 0);
  }

  private onCollection(verbs: ReadonlySet<Verb>): PathItem['operations'] {
    const { definition, kind } = this.resource;
    const operations: PathItem['operations'] = {};
    if (verbs.has('list')) {
      operations.get = this.operation('list', `${this.scope}${kind}`, 'list', {
        parameters: LIST_PARAMETERS,
        responses: { 200: this.list },
        produces: 'list',
      });
    }
    if (verbs.has('create')) {
      operations.post = this.operation('create', `${this.scope}${kind}`, 'post', {
        parameters: WRITE_PARAMETERS,
        body: { definition, required: true },
        responses: { 200: definition, 201: definition, 202: definition },
        produces: 'object',
      });
    }
    if (verbs.has('deletecollection')) {
      operations.delete = this.operation(
        'delete',
        `Collection${this.scope}${kind}`,
        'deletecollection',
        {
          parameters: DELETE_COLLECTION_PARAMETERS,
          body: { definition: `${META}DeleteOptions`, required: false },
          responses: { 200: `${META}Status` },
          produces: 'object',
        },
      );
    }
    return operations;
  }

  private onItem(verbs: ReadonlySet<Verb>): PathItem['operations'] {
    const { definition, kind, strategy } = this.resource;
    const subject = `${this.scope}${kind}`;
    const operations: PathItem['operations'] = {};
    if (verbs.has('get')) operations.get = this.read(subject, definition, this.gvk);
    if (verbs.has('update')) operations.put = this.replace(subject, definition, this.gvk);
    if (verbs.has('patch')) operations.patch = this.patch(subject, definition, this.gvk);
    if (verbs.has('delete')) {
      const answer = strategy.returnsDeletedObject ? definition : `${META}Status`;
      operations.delete = this.operation('delete', subject, 'delete', {
        parameters: DELETE_PARAMETERS,
        body: { definition: `${META}DeleteOptions`, required: false },
        responses: { 200: answer, 202: answer },
        produces: 'object',
      });
    }
    return operations;
  }

  /** The old paths of watches, which `?watch=true` has replaced. */
  private watches(inScope: readonly string[]): PathItem[] {
    const { resource } = this;
    const root = rootOf(resource);
    const base = resource.namespaced ? `${root}/watch/namespaces/{namespace}` : `${root}/watch`;
    const shared = [...LIST_PARAMETERS, 'pretty'].sort();
    const watch = (subject: string, action: string): Operation =>
      this.operation('watch', subject, action, {
        parameters: [],
        responses: { 200: `${META}WatchEvent` },
        produces: 'list',
      });
    const item: PathItem = {
      path: `${base}/${resource.resource}/{name}`,
      parameters: ['name', ...inScope, ...shared],
      operations: { get: watch(`${this.scope}${resource.kind}`, 'watch') },
    };
    const paths: PathItem[] = [
      item,
      {
        path: `${base}/${resource.resource}`,
        parameters: [...inScope, ...shared],
        operations: { get: watch(`${this.scope}${resource.kind}List`, 'watchlist') },
      },
    ];
    if (resource.namespaced) {
      paths.push({
        path: `${root}/watch/${resource.resource}`,
        parameters: shared,
        operations: { get: watch(`${resource.kind}ListForAllNamespaces`, 'watchlist') },
      });
    }
    return paths;
  }

  private subresources(item: string, parameters: readonly string[]): PathItem[] {
    const { resource } = this;
    const paths: PathItem[] = [];
    const readWrite = (name: string, gvk: Gvk, definition: string): PathItem => {
      const subject = `${this.scope}${resource.kind}${capital(name)}`;
      return {
        path: `${item}/${name}`,
        parameters: [...parameters, 'pretty'],
        operations: {
          get: this.read(subject, definition, gvk),
          put: this.replace(subject, definition, gvk),
          patch: this.patch(subject, definition, gvk),
        },
      };
    };
    if (resource.strategy.status) paths.push(readWrite('status', this.gvk, resource.definition));
    if (resource.scale) paths.push(readWrite('scale', SCALE, 'io.k8s.api.autoscaling.v1.Scale'));
    for (const subresource of resource.subresources ?? []) {
      paths.push(...this.subresource(item, parameters, subresource));
    }
    return paths;
  }

  private subresource(item: string, parameters: readonly string[], sub: Subresource): PathItem[] {
    const path = `${item}/${sub.name}`;
    if (sub.connect) return this.connected(path, parameters, sub);
    const definition =
      this.definitions.get(`${apiVersionOf(sub.kind)}/${sub.kind.kind}`) ??
      this.resource.definition;
    const subject = `${this.scope}${this.resource.kind}${capital(sub.name)}`;
    const operations: PathItem['operations'] = {};
    if (sub.verbs.includes('get')) operations.get = this.read(subject, definition, sub.kind);
    if (sub.verbs.includes('update')) operations.put = this.replace(subject, definition, sub.kind);
    if (sub.verbs.includes('patch')) operations.patch = this.patch(subject, definition, sub.kind);
    if (!sub.verbs.includes('create')) {
      return [{ path, parameters: [...parameters, 'pretty'], operations }];
    }
    operations.post = this.operation('create', subject, 'post', {
      kind: sub.kind,
      parameters: [],
      body: { definition, required: true },
      responses: { 200: definition, 201: definition, 202: definition },
      produces: 'object',
    });
    return [{ path, parameters: [...WRITE_PARAMETERS, ...parameters, 'pretty'], operations }];
  }

  /** Logs are read; all else is connected to, with each method that it takes. */
  private connected(path: string, parameters: readonly string[], sub: Subresource): PathItem[] {
    const { kind } = this.resource;
    const own = CONNECT_PARAMETERS[sub.name] ?? [];
    if (sub.name === 'log') {
      const get = this.operation('read', `${this.scope}${kind}Log`, 'get', {
        parameters: [],
        responses: { 200: undefined },
        produces: 'text',
      });
      return [{ path, parameters: [...own, ...parameters], operations: { get } }];
    }
    const methods: readonly Method[] = sub.name === 'proxy' ? PROXY_METHODS : ['get', 'post'];
    const connect = (suffix: string): PathItem['operations'] =>
      Object.fromEntries(
        methods.map((method) => [
          method,
          this.operation(
            'connect',
            `${capital(method)}${this.scope}${kind}${capital(sub.name)}${suffix}`,
            'connect',
            {
              kind: sub.kind,
              parameters: [],
              responses: { 200: undefined },
              produces: 'any',
            },
          ),
        ]),
      );
    const paths: PathItem[] = [
      { path, parameters: [...own, ...parameters], operations: connect('') },
    ];
    if (sub.name === 'proxy') {
      paths.push({
        path: `${path}/{path}`,
        parameters: [...parameters, 'path'],
        operations: connect('WithPath'),
      });
    }
    return paths;
  }

  private read(subject: string, definition: string, kind: Gvk): Operation {
    return this.operation('read', subject, 'get', {
      kind,
      parameters: [],
      responses: { 200: definition },
      produces: 'object',
    });
  }

  private replace(subject: string, definition: string, kind: Gvk): Operation {
    return this.operation('replace', subject, 'put', {
      kind,
      parameters: WRITE_PARAMETERS,
      body: { definition, required: true },
      responses: { 200: definition, 201: definition },
      produces: 'object',
    });
  }

  private patch(subject: string, definition: string, kind: Gvk): Operation {
    return this.operation('patch', subject, 'patch', {
      kind,
      parameters: PATCH_PARAMETERS,
      body: {
        definition: `${META}Patch`,
        required: true,
        patch: this.resource.custom ? 'structural' : 'any',
      },
      responses: { 200: definition, 201: definition },
      produces: 'object',
    });
  }

  /** `createAppsV1NamespacedDeployment` */
  private operation(
    verb: string,
    subject: string,
    action: string,
    rest: Omit<Operation, 'id' | 'description' | 'tag' | 'action'>,
  ): Operation {
    return {
      id: `${verb}${groupName(this.gvk)}${subject}`,
      description: DESCRIPTIONS[action]?.(this.resource.kind) ?? `${verb} ${this.resource.kind}`,
      tag: tagOf(this.gvk),
      action,
      kind: this.gvk,
      ...rest,
    };
  }
}

const DESCRIPTIONS: Readonly<Record<string, (kind: string) => string>> = {
  get: (kind) => `read the specified ${kind}`,
  list: (kind) => `list or watch objects of kind ${kind}`,
  post: (kind) => `create a ${kind}`,
  put: (kind) => `replace the specified ${kind}`,
  patch: (kind) => `partially update the specified ${kind}`,
  delete: (kind) => `delete a ${kind}`,
  deletecollection: (kind) => `delete collection of ${kind}`,
  watch: (kind) =>
    `watch changes to an object of kind ${kind}. deprecated: use the 'watch' parameter with a list operation instead.`,
  watchlist: (kind) =>
    `watch individual changes to a list of ${kind}. deprecated: use the 'watch' parameter with a list operation instead.`,
};
