/**
 * The API's paths, derived from the resource definitions: of each resource its collection, its objects, its
 * watches and what is below an object; of each group version the list of its resources. In the order of the
 * paths.
 */
import type { SchemaSet } from '../../../pkg/api/schema/model.js';
import { apiVersionOf } from '../../../pkg/apimachinery/meta.js';
import type { ResourceDefinition, Verb } from '../../registry/resource.js';
import { META, type Operation, type PathItem } from './operation.js';
import { groupName, tagOf } from './operation-names.js';
import {
  DELETE_COLLECTION_PARAMETERS,
  DELETE_PARAMETERS,
  LIST_PARAMETERS,
  WRITE_PARAMETERS,
} from './parameters.js';
import { ResourceOperations } from './resource-operations.js';
import { SubresourcePaths } from './subresource-paths.js';

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
  private readonly operations: ResourceOperations;
  private readonly list: string;

  constructor(
    private readonly resource: ResourceDefinition,
    private readonly definitions: ReadonlyMap<string, string>,
  ) {
    this.operations = new ResourceOperations(resource);
    this.list = `${resource.definition}List`;
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
      const everywhere = this.operations.make('list', `${resource.kind}ForAllNamespaces`, 'list', {
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
    const subresources = new SubresourcePaths({
      resource,
      operations: this.operations,
      definitions: this.definitions,
      item,
      parameters: ['name', ...inScope],
    });
    paths.push(...subresources.all());
    return paths.filter(({ operations }) => Object.keys(operations).length > 0);
  }

  private onCollection(verbs: ReadonlySet<Verb>): PathItem['operations'] {
    const { definition } = this.resource;
    const { operations } = this;
    const { gvk, subject } = operations;
    const methods: PathItem['operations'] = {};
    if (verbs.has('list')) {
      methods.get = operations.make('list', subject, 'list', {
        parameters: LIST_PARAMETERS,
        responses: { 200: this.list },
        produces: 'list',
      });
    }
    if (verbs.has('create')) {
      methods.post = operations.create(subject, definition, gvk, WRITE_PARAMETERS);
    }
    if (verbs.has('deletecollection')) {
      methods.delete = operations.make('delete', `Collection${subject}`, 'deletecollection', {
        parameters: DELETE_COLLECTION_PARAMETERS,
        body: { definition: `${META}DeleteOptions`, required: false },
        responses: { 200: `${META}Status` },
        produces: 'object',
      });
    }
    return methods;
  }

  private onItem(verbs: ReadonlySet<Verb>): PathItem['operations'] {
    const { definition, strategy } = this.resource;
    const { operations } = this;
    const { gvk, subject } = operations;
    const methods: PathItem['operations'] = {};
    if (verbs.has('get')) methods.get = operations.read(subject, definition, gvk);
    if (verbs.has('update')) methods.put = operations.replace(subject, definition, gvk);
    if (verbs.has('patch')) methods.patch = operations.patch(subject, definition, gvk);
    if (verbs.has('delete')) {
      const answer = strategy.returnsDeletedObject ? definition : `${META}Status`;
      methods.delete = operations.make('delete', subject, 'delete', {
        parameters: DELETE_PARAMETERS,
        body: { definition: `${META}DeleteOptions`, required: false },
        responses: { 200: answer, 202: answer },
        produces: 'object',
      });
    }
    return methods;
  }

  /** The old paths of watches, which `?watch=true` has replaced. */
  private watches(inScope: readonly string[]): PathItem[] {
    const { resource } = this;
    const root = rootOf(resource);
    const base = resource.namespaced ? `${root}/watch/namespaces/{namespace}` : `${root}/watch`;
    const shared = [...LIST_PARAMETERS, 'pretty'].sort();
    const watch = (subject: string, action: string): Operation =>
      this.operations.make('watch', subject, action, {
        parameters: [],
        responses: { 200: `${META}WatchEvent` },
        produces: 'list',
      });
    const item: PathItem = {
      path: `${base}/${resource.resource}/{name}`,
      parameters: ['name', ...inScope, ...shared],
      operations: { get: watch(this.operations.subject, 'watch') },
    };
    const paths: PathItem[] = [
      item,
      {
        path: `${base}/${resource.resource}`,
        parameters: [...inScope, ...shared],
        operations: { get: watch(`${this.operations.subject}List`, 'watchlist') },
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
}
