/**
 * What a kind's strategy alone says of an object, without a server: what it fills in, refuses and warns of.
 * Objects take the road of a write up to admission.
 */
import { loadBuiltinSchemas } from '../../pkg/api/schema/builtin.js';
import { Decoder } from '../../pkg/api/schema/decoder.js';
import { type FieldError, formatFieldError } from '../../pkg/apimachinery/field-error.js';
import type { KubeObject, UnstructuredObject } from '../../pkg/apimachinery/meta.js';
import { FakeClock } from '../../pkg/component/clock.js';
import { silentLogger } from '../../pkg/component/logger.js';
import type { EtcdClient } from '../../pkg/etcd-client/interface.js';
import type { ResourceDefinition, Strategy } from '../registry/resource.js';
import type { RequestContext } from '../server/request-context.js';
import { testResources } from './test-resources.js';

/** Definitions are only made here: nobody asks the store. */
const nobodysStore = new Proxy({} as EtcdClient, {
  get: () => {
    throw new Error('the store was asked');
  },
});
export const resources = testResources(nobodysStore);
const decoder = new Decoder(await loadBuiltinSchemas());

export const ctx: RequestContext = {
  user: { name: 'jane', groups: ['staff', 'system:authenticated'] },
  requestInfo: {
    isResourceRequest: true,
    path: '/',
    verb: 'create',
    apiPrefix: 'apis',
    group: '',
    version: 'v1',
    namespace: 'default',
    resource: '',
    subresource: '',
    name: '',
    parts: [],
  },
  query: new URLSearchParams(),
  dryRun: false,
  fieldManager: 'test',
  signal: new AbortController().signal,
  clock: new FakeClock(),
  logger: silentLogger(),
  server: {
    store: () => {
      throw new Error('the server was asked');
    },
    authorize: async () => ({ allowed: true }),
  },
  warn: () => undefined,
  annotate: () => undefined,
};

/** `Event`, or `events.k8s.io/Event` where a group has to be said. */
export function definitionOf(kind: string): ResourceDefinition {
  const [name = '', group] = kind.split('/').reverse();
  const found = resources.find((r) => r.kind === name && (group ?? r.group) === r.group);
  if (!found) throw new Error(`no resource of kind ${kind}`);
  return found;
}

export function read(kind: string, fields: object): UnstructuredObject {
  const { definition, strategy } = definitionOf(kind);
  const metadata = { name: 'x', namespace: 'default' };
  const { object } = decoder.decode(definition, { metadata, ...fields });
  strategy.setDefaults?.(object);
  return object;
}

export function created(kind: string, fields: object): UnstructuredObject {
  const object = read(kind, fields);
  definitionOf(kind).strategy.prepareForCreate?.(object, ctx);
  return object;
}

export function createFaults(kind: string, fields: object): string[] {
  return texts(definitionOf(kind).strategy.validate?.(created(kind, fields), ctx));
}

/** `part`: a subresource; absent for the object itself. */
export function updateFaults(kind: string, fields: object, old: object, part = ''): string[] {
  const { strategy, subresources = [] } = definitionOf(kind);
  const status = strategy.status === true ? {} : strategy.status;
  const found: Pick<Strategy, 'prepareForUpdate' | 'validateUpdate'> | undefined =
    part === 'status'
      ? status
      : part === ''
        ? strategy
        : subresources.find(({ name }) => name === part)?.strategy;
  if (!found) throw new Error(`${kind} has no ${part}`);
  const before = read(kind, old);
  const now = read(kind, fields);
  found.prepareForUpdate?.(now, before, ctx);
  return texts(found.validateUpdate?.(now, before, ctx));
}

export function createWarnings(kind: string, fields: object): string[] {
  return definitionOf(kind).strategy.warningsOnCreate?.(created(kind, fields), ctx) ?? [];
}

export function updateWarnings(kind: string, fields: object, old: object): string[] {
  const { strategy } = definitionOf(kind);
  return strategy.warningsOnUpdate?.(read(kind, fields), read(kind, old) as KubeObject, ctx) ?? [];
}

function texts(errors: readonly FieldError[] | undefined): string[] {
  return (errors ?? []).map(formatFieldError);
}
