/**
 * The operations of one resource's paths, whatever the path: their ids (`createAppsV1NamespacedDeployment`),
 * descriptions, parameters, bodies and answers.
 */
import type { ResourceDefinition } from '../../registry/resource.js';
import { type Gvk, META, type Operation } from './operation.js';
import { groupName, tagOf } from './operation-names.js';
import { PATCH_PARAMETERS, WRITE_PARAMETERS } from './parameters.js';

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

export class ResourceOperations {
  readonly gvk: Gvk;
  /** What ids call the resource itself: `NamespacedDeployment`. */
  readonly subject: string;

  constructor(private readonly resource: ResourceDefinition) {
    const { group, version, kind, namespaced } = resource;
    this.gvk = { group, version, kind };
    this.subject = namespaced ? `Namespaced${kind}` : kind;
  }

  read(subject: string, definition: string, kind: Gvk): Operation {
    return this.make('read', subject, 'get', {
      kind,
      parameters: [],
      responses: { 200: definition },
      produces: 'object',
    });
  }

  replace(subject: string, definition: string, kind: Gvk): Operation {
    return this.make('replace', subject, 'put', {
      kind,
      parameters: WRITE_PARAMETERS,
      body: { definition, required: true },
      responses: { 200: definition, 201: definition },
      produces: 'object',
    });
  }

  create(subject: string, definition: string, kind: Gvk, parameters: readonly string[]): Operation {
    return this.make('create', subject, 'post', {
      kind,
      parameters,
      body: { definition, required: true },
      responses: { 200: definition, 201: definition, 202: definition },
      produces: 'object',
    });
  }

  patch(subject: string, definition: string, kind: Gvk): Operation {
    return this.make('patch', subject, 'patch', {
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

  /** Any operation: called `verb` + group and version + `subject`, and what its action says it does. */
  make(
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
