/**
 * The verbs of every resource, from a request to its answer. What a kind is, its definition says; what is
 * stored and how, the generic store; here is what HTTP adds: bodies, options, versions, shapes, codes.
 *
 * `handle` always answers, also to errors, and resolves when the answer is handed to the connection (for a
 * watch: when it has ended).
 */

import type { SchemaSet } from '../../pkg/api/schema/model.js';
import { clone } from '../../pkg/apimachinery/clone.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import {
  failure,
  invalid,
  methodNotSupported,
  notFound,
  unknownPath,
} from '../../pkg/apimachinery/status.js';
import {
  type DeleteOptions,
  validateWriteOptions,
} from '../../pkg/apimachinery/validation/options.js';
import { create, namespaceMismatch } from '../registry/create.js';
import { deleteCollection, deleteObject } from '../registry/delete.js';
import type { ResourceDefinition, Subresource, Verb } from '../registry/resource.js';
import type { Stores } from '../registry/stores.js';
import { update } from '../registry/update.js';
import type { RequestContext } from '../server/request-context.js';
import type { StoredObject } from '../storage/stored-object.js';
import { readDeleteOptions } from './delete-body.js';
import { listOptions } from './list-options.js';
import { ClientGone, sendList } from './list-response.js';
import { type Accepted, contentEncoding, isProtobuf, negotiate } from './media-type.js';
import { type ExpectedKind, fieldValidation, ObjectDecoder } from './object-decoder.js';
import { Patcher } from './patch.js';
import { readBody } from './request-body.js';
import { exchangeOf, sendError, sendStored, sendValue, success } from './respond.js';
import { applyScale, scaleOf } from './scale.js';
import { selection } from './selection.js';
import { ServedView } from './served-view.js';
import { columnDefinitions, includeObject, partialMetadata, table, tableRow } from './table.js';
import { WatchServer } from './watch-server.js';

export interface ResourceHandlerOptions {
  readonly stores: Stores;
  readonly schemas: SchemaSet;
}

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

const PLAIN: Accepted = { encoding: 'json', shape: 'object' };

interface Target {
  readonly view: ServedView;
  readonly definition: ResourceDefinition;
  readonly ctx: RequestContext;
  readonly accepted: Accepted;
  readonly namespace: string;
  readonly name: string;
}

export class ResourceHandler {
  private readonly views = new Map<string, ServedView>();
  private readonly virtual = new Map<string, ResourceDefinition>();
  private readonly decoder: ObjectDecoder;
  private readonly watches = new WatchServer();
  private readonly patcher: Patcher;

  constructor(options: ResourceHandlerOptions) {
    this.decoder = new ObjectDecoder(options.schemas);
    this.patcher = new Patcher(this.decoder, options.schemas);
    for (const definition of options.stores.definitions) {
      const key = viewKey(definition.group, definition.version, definition.resource);
      if (definition.virtual) this.virtual.set(key, definition);
      else this.views.set(key, new ServedView(definition, options.stores.of(definition)));
    }
  }

  async handle(ctx: RequestContext): Promise<void> {
    try {
      await this.dispatch(ctx);
    } catch (err) {
      if (err instanceof ClientGone) return;
      sendError(ctx, err);
    }
  }

  private async dispatch(ctx: RequestContext): Promise<void> {
    const { group, version, resource, subresource, namespace, verb } = ctx.requestInfo;
    const key = viewKey(group, version, resource);
    const virtual = this.virtual.get(key);
    if (virtual) return this.serveVirtual(virtual, ctx);
    const view = this.views.get(key);
    if (!view) throw unknownPath();
    const { definition } = view;
    const wrong = wrongPath(definition, ctx);
    if (wrong) throw wrong;
    const target: Target = {
      view,
      definition,
      ctx,
      accepted: streams(definition, subresource)
        ? PLAIN
        : negotiate(ctx.exchange?.req.headers.accept),
      namespace: definition.namespaced ? namespace : '',
      name: nameOf(ctx),
    };
    if (subresource !== '') return this.serveSubresource(target, subresource);
    const verbs = definition.verbs ?? ALL_VERBS;
    if (!verbs.some((served) => served === verb)) throw methodNotAllowed();
    if (definition.deprecation) ctx.warn(definition.deprecation);
    switch (verb as Verb) {
      case 'get':
        return this.get(target);
      case 'list':
        return this.list(target);
      case 'watch':
        return this.watches.serve(target);
      case 'create':
        return this.create(target);
      case 'update':
        return this.update(target, '');
      case 'patch':
        return this.patch(target, '');
      case 'delete':
        return this.delete(target);
      case 'deletecollection':
        return this.deleteCollection(target);
    }
  }

  private async get(target: Target): Promise<void> {
    const { view, ctx, namespace, name } = target;
    const stored = await view.store.get(
      namespace,
      name,
      ctx.query.get('resourceVersion') ?? '',
      ctx.signal,
    );
    this.send(target, 200, stored);
  }

  private async list({ view, ctx, namespace, accepted }: Target): Promise<void> {
    const options = listOptions(ctx.query, false);
    const chosen = selection(
      view.definition,
      namespace,
      options.labelSelector,
      options.fieldSelector,
      view.fieldsOf,
    );
    const page = await view.store.list({
      namespace,
      resourceVersion: options.resourceVersion,
      match: options.resourceVersionMatch,
      limit: options.limit,
      continue: options.continue,
      ...(chosen.all ? {} : { selects: (object) => chosen.matches(object) }),
      signal: ctx.signal,
    });
    await sendList(ctx, view, page, accepted);
  }

  private async create(target: Target): Promise<void> {
    const { view, ctx, namespace, definition } = target;
    const options = this.writeOptions(ctx, 'CreateOptions');
    const obj = await this.decodeBody(definition, ctx);
    fillNamespace(definition, obj, namespace);
    const stored = await create(
      view.store,
      { namespace, obj: view.toStored(obj, ctx), options },
      ctx,
    );
    this.send(target, 201, stored);
  }

  private async update(target: Target, subresource: string, sub?: Subresource): Promise<void> {
    const { view, ctx, namespace, name, definition } = target;
    const options = this.writeOptions(ctx, 'UpdateOptions');
    const body = await this.decodeBody(definition, ctx);
    fillNamespace(definition, body, namespace);
    const result = await update(
      view.store,
      {
        namespace,
        name,
        subresource,
        options,
        ...(sub?.strategy ? { strategy: sub.strategy } : {}),
        change: (current) => view.toStored(clone(body), ctx, current),
        createIfAbsent: subresource === '' && definition.strategy.allowCreateOnUpdate === true,
      },
      ctx,
    );
    this.send(target, result.created ? 201 : 200, result.object);
  }

  private async patch(target: Target, subresource: string, sub?: Subresource): Promise<void> {
    const { view, ctx, namespace, name } = target;
    const patch = await this.patcher.read(ctx, view);
    const result = await update(
      view.store,
      {
        namespace,
        name,
        subresource,
        options: patch.options,
        ...(sub?.strategy ? { strategy: sub.strategy } : {}),
        change: (current) => patch.apply(current, subresource),
        tracked: patch.applies,
        createIfAbsent: patch.applies && subresource === '',
      },
      ctx,
    );
    this.send(target, result.created ? 201 : 200, result.object);
  }

  private async delete(target: Target): Promise<void> {
    const { view, ctx, namespace, name, definition } = target;
    const options = await readDeleteOptions(ctx, this.decoder);
    const { object, removed } = await deleteObject(view.store, namespace, name, options, ctx);
    const code = removed || !waitsForDependents(options) ? 200 : 202;
    if (!removed || definition.strategy.returnsDeletedObject) {
      this.send(target, code, object);
      return;
    }
    const { group, resource } = definition;
    const details = {
      name,
      ...(group === '' ? {} : { group }),
      kind: resource,
      uid: object.metadata.uid ?? '',
    };
    sendValue(ctx, code, success(details), target.accepted.encoding);
  }

  private async deleteCollection({ view, ctx, namespace, accepted }: Target): Promise<void> {
    const query = listOptions(ctx.query, false);
    const options = await readDeleteOptions(ctx, this.decoder);
    const chosen = selection(
      view.definition,
      namespace,
      query.labelSelector,
      query.fieldSelector,
      view.fieldsOf,
    );
    const deleted = await deleteCollection(
      view.store,
      {
        namespace,
        resourceVersion: query.resourceVersion,
        match: query.resourceVersionMatch,
        limit: query.limit,
        continue: query.continue,
        ...(chosen.all ? {} : { selects: (object) => chosen.matches(object) }),
        signal: ctx.signal,
      },
      options,
      ctx,
    );
    await sendList(ctx, view, deleted, accepted);
  }

  private async serveSubresource(target: Target, name: string): Promise<void> {
    const { definition, ctx, view } = target;
    const { verb } = ctx.requestInfo;
    const unsupported = () =>
      methodNotSupported(
        { ...view.qualified, resource: `${view.qualified.resource}/${name}` },
        verb,
      );
    if (name === 'status' && view.store.strategy.status) {
      if (verb === 'get') return this.get(target);
      if (verb === 'update') return this.update(target, 'status');
      if (verb === 'patch') return this.patch(target, 'status');
      throw unsupported();
    }
    if (name === 'scale' && definition.scale) return this.serveScale(target, unsupported);
    const sub = definition.subresources?.find((candidate) => candidate.name === name);
    if (!sub) throw unknownPath();
    const parent = { namespace: target.namespace, name: target.name };
    if (sub.connect && !sub.create && !sub.strategy) return this.connect(target, sub);
    if (!sub.verbs.some((served) => served === verb)) throw unsupported();
    if (verb === 'create' && sub.create) {
      const body = await this.decodeBody(sub.kind, ctx);
      const { store } = view;
      const attributes = store.attributes('CREATE', parent.namespace, parent.name, name, ctx, {
        object: body,
      });
      await store.admission.admit(attributes, ctx);
      await store.admission.validate(attributes, ctx);
      const answer = await sub.create(parent, attributes.object ?? body, ctx);
      sendValue(ctx, 201, answer, target.accepted.encoding);
      return;
    }
    if (!sub.strategy) {
      if (sub.connect) return this.connect(target, sub);
      throw unsupported();
    }
    if (verb === 'get') return this.get(target);
    if (verb === 'update') return this.update(target, name, sub);
    if (verb === 'patch') return this.patch(target, name, sub);
    throw unsupported();
  }

  /** The exchange is the subresource's from here on. */
  private async connect({ view, ctx, namespace, name }: Target, sub: Subresource): Promise<void> {
    const { store } = view;
    const attributes = store.attributes('CONNECT', namespace, name, sub.name, ctx, {});
    await store.admission.admit(attributes, ctx);
    await store.admission.validate(attributes, ctx);
    await sub.connect?.({ namespace, name }, ctx);
  }

  private async serveScale(target: Target, unsupported: () => Error): Promise<void> {
    const { view, ctx, namespace, name, accepted, definition } = target;
    const { verb } = ctx.requestInfo;
    if (verb === 'get') {
      const stored = await view.store.get(namespace, name, '', ctx.signal);
      sendValue(ctx, 200, scaleOf(definition, view.of(stored).object), accepted.encoding);
      return;
    }
    if (verb !== 'update' && verb !== 'patch') throw unsupported();
    const change =
      verb === 'update'
        ? replaceBy(await this.decodeBody(SCALE, ctx))
        : await this.patcher.readForScale(ctx);
    const options = this.writeOptions(ctx, 'UpdateOptions');
    const result = await update(
      view.store,
      {
        namespace,
        name,
        subresource: 'scale',
        options,
        change: (current) => {
          if (!current) throw notFound(view.qualified, name);
          const wanted = change(scaleOf(definition, view.of(current).object));
          return view.toStored(applyScale(view, definition, current, wanted, name), ctx, current);
        },
      },
      ctx,
    );
    sendValue(ctx, 200, scaleOf(definition, view.of(result.object).object), accepted.encoding);
  }

  private async serveVirtual(definition: ResourceDefinition, ctx: RequestContext): Promise<void> {
    const { verb, subresource, group, resource } = ctx.requestInfo;
    const { virtual } = definition;
    const accepted = negotiate(ctx.exchange?.req.headers.accept);
    if (subresource !== '' || !virtual) throw unknownPath();
    if (verb === 'create' && virtual.create) {
      const body = await this.decodeBody(definition, ctx);
      fillNamespace(definition, body, ctx.requestInfo.namespace);
      sendValue(ctx, 201, await virtual.create(body, ctx), accepted.encoding);
      return;
    }
    if (verb === 'get' && virtual.get) {
      const obj = await virtual.get(ctx.requestInfo.name, ctx);
      sendValue(ctx, 200, this.shape(definition, obj, accepted, ctx), accepted.encoding);
      return;
    }
    if (verb === 'list' && virtual.list) {
      const items = await virtual.list(ctx);
      sendValue(ctx, 200, this.shapeList(definition, items, accepted, ctx), accepted.encoding);
      return;
    }
    throw methodNotSupported({ group, resource }, verb);
  }

  private shapeList(
    definition: ResourceDefinition,
    items: readonly KubeObject[],
    accepted: Accepted,
    ctx: RequestContext,
  ): object {
    if (accepted.shape === 'Table') {
      const rows = items.map((item) =>
        tableRow(definition, item, includeObject(ctx.query), ctx.clock.now()),
      );
      return table(columnDefinitions(definition), rows, {});
    }
    const apiVersion =
      definition.group === '' ? definition.version : `${definition.group}/${definition.version}`;
    return { kind: `${definition.kind}List`, apiVersion, metadata: {}, items };
  }

  private shape(
    definition: ResourceDefinition,
    obj: KubeObject,
    accepted: Accepted,
    ctx: RequestContext,
  ): object {
    if (accepted.shape === 'PartialObjectMetadata') return partialMetadata(obj);
    if (accepted.shape !== 'Table') return obj;
    const rows = [tableRow(definition, obj, includeObject(ctx.query), ctx.clock.now())];
    return table(columnDefinitions(definition), rows, {
      resourceVersion: obj.metadata?.resourceVersion ?? '',
    });
  }

  private send(
    { view, ctx, accepted, definition }: Target,
    code: number,
    stored: StoredObject,
  ): void {
    const shown = view.of(stored);
    if (accepted.shape === 'object') sendStored(ctx, code, shown, accepted);
    else
      sendValue(ctx, code, this.shape(definition, shown.object, accepted, ctx), accepted.encoding);
  }

  private async decodeBody(of: ExpectedKind, ctx: RequestContext): Promise<KubeObject> {
    const { req } = exchangeOf(ctx);
    if (isProtobuf(req.headers['content-type'])) {
      const value = await this.decoder.protobufValue(await readBody(req));
      return this.decoder.decodeValue(of, value, fieldValidation(ctx.query), (text) =>
        ctx.warn(text),
      );
    }
    const encoding = contentEncoding(req.headers['content-type']);
    const body = await readBody(req);
    return this.decoder.decode(of, body, encoding, fieldValidation(ctx.query), (text) =>
      ctx.warn(text),
    );
  }

  private writeOptions(ctx: RequestContext, kind: string): KubeObject {
    const options = {
      kind,
      apiVersion: 'meta.k8s.io/v1',
      ...(ctx.query.has('fieldManager')
        ? { fieldManager: ctx.query.get('fieldManager') ?? '' }
        : {}),
      ...(ctx.query.has('dryRun')
        ? { dryRun: ctx.query.getAll('dryRun').filter((value) => value !== '') }
        : {}),
      ...(ctx.query.has('fieldValidation')
        ? { fieldValidation: ctx.query.get('fieldValidation') ?? '' }
        : {}),
    };
    const errors = validateWriteOptions(options);
    if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind }, '', errors);
    return options;
  }
}

const SCALE = {
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  definition: 'io.k8s.api.autoscaling.v1.Scale',
} as const;

function viewKey(group: string, version: string, resource: string): string {
  return `${group}/${version}/${resource}`;
}

/** A list may carry a name in its request info (from its field selector); its path has none. */
function nameOf(ctx: RequestContext): string {
  const { verb, name } = ctx.requestInfo;
  return verb === 'list' || verb === 'watch' || verb === 'deletecollection' ? '' : name;
}

function waitsForDependents(options: DeleteOptions): boolean {
  return options.orphanDependents === false || options.propagationPolicy === 'Foreground';
}

function replaceBy(wanted: KubeObject): (scale: KubeObject) => KubeObject {
  return () => wanted;
}

/** A path that has no such resource (its scope is another), or none for this verb. */
function wrongPath(definition: ResourceDefinition, ctx: RequestContext): Error | undefined {
  const { verb, namespace, resource, subresource, name } = ctx.requestInfo;
  const ofOne = ['get', 'update', 'patch', 'delete'].includes(verb);
  if (definition.namespaced) {
    if (namespace === '' && (ofOne || verb === 'create'))
      return name === '' ? methodNotAllowed() : unknownPath();
  } else if (namespace !== '' && resource !== 'namespaces') return unknownPath();
  if (subresource === '' && (ofOne ? name === '' : verb === 'create' && name !== ''))
    return methodNotAllowed();
  return undefined;
}

/** What upstream's router says, and clients show. */
function methodNotAllowed(): Error {
  return failure(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );
}

/** Logs, exec and proxies answer in whatever form they like. */
function streams(definition: ResourceDefinition, subresource: string): boolean {
  return (
    definition.subresources?.some(({ name, connect }) => name === subresource && connect) ?? false
  );
}

/** The namespace of the path is the object's; another one in the body is an error. */
function fillNamespace(definition: ResourceDefinition, obj: KubeObject, namespace: string): void {
  if (!definition.namespaced) return;
  obj.metadata ??= {};
  obj.metadata.namespace ||= namespace;
  if (obj.metadata.namespace !== namespace) throw namespaceMismatch();
}
