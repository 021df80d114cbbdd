/** The verbs on one object, and on its subresources that are another way to write it. */
import { clone } from '../../pkg/apimachinery/clone.js';
import { forbidden } from '../../pkg/apimachinery/status.js';
import type { DeleteOptions } from '../../pkg/apimachinery/validation/options.js';
import { awaitConversions } from '../registry/awaited-conversions.js';
import { create } from '../registry/create.js';
import { deleteObject } from '../registry/delete.js';
import type { Subresource } from '../registry/resource.js';
import { type UpdateRequest, update } from '../registry/update.js';
import { readDeleteOptions } from './delete-body.js';
import type { ObjectDecoder } from './object-decoder.js';
import type { Patcher } from './patch.js';
import { fillNamespace, readObject, writeOptions } from './request-object.js';
import { sendValue, success } from './respond.js';
import { sendObject, type Target } from './target.js';

export class ObjectVerbs {
  constructor(
    private readonly decoder: ObjectDecoder,
    private readonly patcher: Patcher,
  ) {}

  async get(target: Target): Promise<void> {
    const { view, ctx, namespace, name } = target;
    const stored = await view.store.get(
      namespace,
      name,
      ctx.query.get('resourceVersion') ?? '',
      ctx.signal,
    );
    sendObject(target, 200, stored);
  }

  async create(target: Target): Promise<void> {
    const { view, ctx, namespace, definition } = target;
    const options = writeOptions(ctx, 'CreateOptions');
    const obj = await readObject(this.decoder, definition, ctx);
    fillNamespace(definition, obj, namespace);
    const request = { namespace, obj: view.toStored(obj, ctx), options };
    const stored = await awaitConversions(() => create(view.store, request, ctx));
    sendObject(target, 201, stored);
  }

  async update(target: Target, subresource: string, sub?: Subresource): Promise<void> {
    const { view, ctx, namespace, name, definition } = target;
    const options = writeOptions(ctx, 'UpdateOptions');
    const body = await readObject(this.decoder, definition, ctx);
    fillNamespace(definition, body, namespace);
    const request: UpdateRequest = {
      namespace,
      name,
      subresource,
      options,
      ...(sub?.strategy ? { strategy: sub.strategy } : {}),
      change: (current) => view.toStored(clone(body), ctx, current),
      createIfAbsent: subresource === '' && definition.strategy.allowCreateOnUpdate === true,
    };
    const result = await awaitConversions(() => update(view.store, request, ctx));
    sendObject(target, result.created ? 201 : 200, result.object);
  }

  async patch(target: Target, subresource: string, sub?: Subresource): Promise<void> {
    const { view, ctx, namespace, name } = target;
    const patch = await this.patcher.read(ctx, view);
    const request: UpdateRequest = {
      namespace,
      name,
      subresource,
      options: patch.options,
      ...(sub?.strategy ? { strategy: sub.strategy } : {}),
      change: (current) => patch.apply(current, subresource),
      tracked: patch.applies,
      createIfAbsent: patch.applies && subresource === '',
    };
    const result = await awaitConversions(() => update(view.store, request, ctx));
    sendObject(target, result.created ? 201 : 200, result.object);
  }

  async delete(target: Target): Promise<void> {
    const { view, ctx, namespace, name, definition } = target;
    const options = await readDeleteOptions(ctx, this.decoder);
    const fault = definition.strategy.undeletable?.(name);
    if (fault !== undefined) throw forbidden(view.qualified, name, fault);
    const { object, removed } = await deleteObject(view.store, namespace, name, options, ctx);
    const code = removed || !waitsForDependents(options) ? 200 : 202;
    if (!removed || definition.strategy.returnsDeletedObject) {
      sendObject(target, code, object);
      return;
    }
    const { group, resource } = definition;
    const details = {
      name,
      ...(group === '' ? {} : { group }),
      kind: resource,
      uid: object.metadata.uid ?? '',
    };
    sendValue(ctx, code, success(details), target.accepted);
  }
}

function waitsForDependents(options: DeleteOptions): boolean {
  return options.orphanDependents === false || options.propagationPolicy === 'Foreground';
}
