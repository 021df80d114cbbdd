/**
 * Subresources. `status` and `scale` every kind may have; the others stand in its definition: another
 * strategy for the same object, a body that does something (binding, eviction), or the raw exchange
 * (logs, exec, proxy).
 */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { methodNotAllowed, notFound, unknownPath } from '../../pkg/apimachinery/status.js';
import { awaitConversions } from '../registry/awaited-conversions.js';
import type { Subresource } from '../registry/resource.js';
import { type UpdateRequest, update } from '../registry/update.js';
import { connectOptions } from './connect-options.js';
import type { ObjectDecoder } from './object-decoder.js';
import type { ObjectVerbs } from './object-verbs.js';
import type { Patcher } from './patch.js';
import { readObject, writeOptions } from './request-object.js';
import { sendValue } from './respond.js';
import { applyScale, scaleOf } from './scale.js';
import type { Target } from './target.js';

const SCALE = {
  group: 'autoscaling',
  version: 'v1',
  kind: 'Scale',
  definition: 'io.k8s.api.autoscaling.v1.Scale',
} as const;

export class SubresourceHandler {
  constructor(
    private readonly verbs: ObjectVerbs,
    private readonly decoder: ObjectDecoder,
    private readonly patcher: Patcher,
  ) {}

  async serve(target: Target, name: string): Promise<void> {
    const { definition, ctx, view } = target;
    const { verb } = ctx.requestInfo;
    if (name === 'status' && view.store.strategy.status) {
      if (verb === 'get') return this.verbs.get(target);
      if (verb === 'update') return this.verbs.update(target, 'status');
      if (verb === 'patch') return this.verbs.patch(target, 'status');
      throw methodNotAllowed();
    }
    if (name === 'scale' && definition.scale) return this.serveScale(target);
    const sub = definition.subresources?.find((candidate) => candidate.name === name);
    if (!sub) throw unknownPath();
    const parent = { namespace: target.namespace, name: target.name };
    if (sub.connect && !sub.create && !sub.strategy) return this.connect(target, sub);
    if (!sub.verbs.some((served) => served === verb)) throw methodNotAllowed();
    if (verb === 'create' && sub.create) {
      const body = await readObject(this.decoder, sub.kind, ctx);
      const { store } = view;
      const attributes = store.attributes('CREATE', parent.namespace, parent.name, name, ctx, {
        object: body,
      });
      await store.admission.admit(attributes, ctx);
      await store.admission.validate(attributes, ctx);
      const answer = await sub.create(parent, attributes.object ?? body, ctx);
      sendValue(ctx, 201, answer, target.accepted);
      return;
    }
    if (!sub.strategy) {
      if (sub.connect) return this.connect(target, sub);
      throw methodNotAllowed();
    }
    if (verb === 'get') return this.verbs.get(target);
    if (verb === 'update') return this.verbs.update(target, name, sub);
    if (verb === 'patch') return this.verbs.patch(target, name, sub);
    throw methodNotAllowed();
  }

  /** The exchange is the subresource's from here on. */
  private async connect({ view, ctx, namespace, name }: Target, sub: Subresource): Promise<void> {
    const { store } = view;
    const attributes = store.attributes('CONNECT', namespace, name, sub.name, ctx, {
      object: connectOptions(sub.kind, ctx),
    });
    await store.admission.admit(attributes, ctx);
    await store.admission.validate(attributes, ctx);
    await sub.connect?.({ namespace, name }, ctx);
  }

  private async serveScale(target: Target): Promise<void> {
    const { view, ctx, namespace, name, accepted, definition } = target;
    const { verb } = ctx.requestInfo;
    if (verb === 'get') {
      const stored = await view.store.get(namespace, name, '', ctx.signal);
      sendValue(ctx, 200, scaleOf(definition, view.of(stored).object), accepted);
      return;
    }
    if (verb !== 'update' && verb !== 'patch') throw methodNotAllowed();
    const change =
      verb === 'update'
        ? replaceBy(await readObject(this.decoder, SCALE, ctx))
        : await this.patcher.readForScale(ctx);
    const options = writeOptions(ctx, 'UpdateOptions');
    const request: UpdateRequest = {
      namespace,
      name,
      subresource: 'scale',
      options,
      change: (current) => {
        if (!current) throw notFound(view.qualified, name);
        const wanted = change(scaleOf(definition, view.of(current).object));
        return view.toStored(applyScale(view, definition, current, wanted, name), ctx, current);
      },
    };
    const result = await awaitConversions(() => update(view.store, request, ctx));
    sendValue(ctx, 200, scaleOf(definition, view.of(result.object).object), accepted);
  }
}

function replaceBy(wanted: KubeObject): (scale: KubeObject) => KubeObject {
  return () => wanted;
}
