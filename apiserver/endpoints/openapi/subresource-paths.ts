/**
 * The paths below an object: its status and scale, what its kind adds (bindings, tokens, evictions), and
 * what is connected to (logs, exec, proxies).
 */
import { apiVersionOf } from '../../../pkg/apimachinery/meta.js';
import type { ResourceDefinition, Subresource } from '../../registry/resource.js';
import type { Gvk, Method, PathItem } from './operation.js';
import { capital } from './operation-names.js';
import { CONNECT_PARAMETERS, WRITE_PARAMETERS } from './parameters.js';
import type { ResourceOperations } from './resource-operations.js';

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

export interface SubresourcePathsOptions {
  readonly resource: ResourceDefinition;
  readonly operations: ResourceOperations;
  /** `apps/v1/Deployment` → the definition's name */
  readonly definitions: ReadonlyMap<string, string>;
  /** The object's path, and the parameters in it. */
  readonly item: string;
  readonly parameters: readonly string[];
}

export class SubresourcePaths {
  private readonly resource: ResourceDefinition;
  private readonly operations: ResourceOperations;
  private readonly definitions: ReadonlyMap<string, string>;
  private readonly item: string;
  private readonly parameters: readonly string[];

  constructor(options: SubresourcePathsOptions) {
    this.resource = options.resource;
    this.operations = options.operations;
    this.definitions = options.definitions;
    this.item = options.item;
    this.parameters = options.parameters;
  }

  all(): PathItem[] {
    const { resource, operations } = this;
    const paths: PathItem[] = [];
    const readWrite = (name: string, gvk: Gvk, definition: string): PathItem => {
      const subject = `${operations.subject}${capital(name)}`;
      return {
        path: `${this.item}/${name}`,
        parameters: [...this.parameters, 'pretty'],
        operations: {
          get: operations.read(subject, definition, gvk),
          put: operations.replace(subject, definition, gvk),
          patch: operations.patch(subject, definition, gvk),
        },
      };
    };
    if (resource.strategy.status) {
      paths.push(readWrite('status', operations.gvk, resource.definition));
    }
    if (resource.scale) paths.push(readWrite('scale', SCALE, 'io.k8s.api.autoscaling.v1.Scale'));
    for (const subresource of resource.subresources ?? []) {
      paths.push(...this.subresource(subresource));
    }
    return paths;
  }

  private subresource(sub: Subresource): PathItem[] {
    const { operations } = this;
    const path = `${this.item}/${sub.name}`;
    if (sub.connect) return this.connected(path, sub);
    const definition =
      this.definitions.get(`${apiVersionOf(sub.kind)}/${sub.kind.kind}`) ??
      this.resource.definition;
    const subject = `${operations.subject}${capital(sub.name)}`;
    const methods: PathItem['operations'] = {};
    if (sub.verbs.includes('get')) {
      methods.get = operations.read(subject, definition, sub.kind);
    }
    if (sub.verbs.includes('update')) {
      methods.put = operations.replace(subject, definition, sub.kind);
    }
    if (sub.verbs.includes('patch')) {
      methods.patch = operations.patch(subject, definition, sub.kind);
    }
    if (!sub.verbs.includes('create')) {
      return [{ path, parameters: [...this.parameters, 'pretty'], operations: methods }];
    }
    methods.post = operations.create(subject, definition, sub.kind, []);
    return [
      {
        path,
        parameters: [...WRITE_PARAMETERS, ...this.parameters, 'pretty'],
        operations: methods,
      },
    ];
  }

  /** Logs are read; all else is connected to, with each method that it takes. */
  private connected(path: string, sub: Subresource): PathItem[] {
    const { operations } = this;
    const own = CONNECT_PARAMETERS[sub.name] ?? [];
    if (sub.name === 'log') {
      const get = operations.make('read', `${operations.subject}Log`, 'get', {
        parameters: [],
        responses: { 200: undefined },
        produces: 'text',
      });
      return [{ path, parameters: [...own, ...this.parameters], operations: { get } }];
    }
    const methods: readonly Method[] = sub.name === 'proxy' ? PROXY_METHODS : ['get', 'post'];
    const connect = (suffix: string): PathItem['operations'] =>
      Object.fromEntries(
        methods.map((method) => [
          method,
          operations.make(
            'connect',
            `${capital(method)}${operations.subject}${capital(sub.name)}${suffix}`,
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
      { path, parameters: [...own, ...this.parameters], operations: connect('') },
    ];
    if (sub.name === 'proxy') {
      paths.push({
        path: `${path}/{path}`,
        parameters: [...this.parameters, 'path'],
        operations: connect('WithPath'),
      });
    }
    return paths;
  }
}
