/**
 * POST of an object, and PUT or apply of one that is not there. The name may be generated; a generated
 * name that is taken is drawn again.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate as othersTurn } from 'node:timers/promises';
import { clone } from '../../pkg/apimachinery/clone.js';
import { path } from '../../pkg/apimachinery/field-error.js';
import { formatTime, type KubeObject, type ObjectMeta } from '../../pkg/apimachinery/meta.js';
import { generateName } from '../../pkg/apimachinery/names/generate-name.js';
import { alreadyExists, badRequest, generateNameConflict } from '../../pkg/apimachinery/status.js';
import { nameIsDNSSubdomain } from '../../pkg/apimachinery/validation/names.js';
import { validateObjectMeta } from '../../pkg/apimachinery/validation/object-meta.js';
import type { RequestContext } from '../server/request-context.js';
import { isLost } from '../storage/resource-storage.js';
import type { StoredObject } from '../storage/stored-object.js';
import { unstructured } from './field-managers.js';
import type { GenericStore } from './generic-store.js';
import { dedupOwnerReferences } from './owner-references.js';
import { validateWith } from './validate.js';

/** Upstream's number of names that are tried for one create. */
const MAX_NAMES = 8;
const NAME_RETRY_AFTER_SECONDS = 1;

export interface CreateRequest {
  readonly namespace: string;
  /** Owned by the store from here on; it is changed. */
  readonly obj: KubeObject;
  readonly options?: KubeObject;
  /** The object carries its managedFields already (apply). */
  readonly tracked?: boolean;
}

export async function create(
  store: GenericStore,
  request: CreateRequest,
  ctx: RequestContext,
): Promise<StoredObject> {
  const { definition, strategy, admission, fields } = store;
  const meta = metadataOf(request.obj);
  claimNamespace(store, meta, request.namespace);
  if (meta.resourceVersion)
    throw badRequest('resourceVersion should not be set on objects to be created');
  dedupOwnerReferences(request.obj, (text) => ctx.warn(text));
  store.setDefaults(request.obj);
  const obj = request.tracked
    ? request.obj
    : fields.update(undefined, unstructured(request.obj), ctx.fieldManager, '', store.clock.now());
  const attributes = store.attributes('CREATE', request.namespace, meta.name ?? '', '', ctx, {
    object: obj,
    ...(request.options ? { options: request.options } : {}),
  });
  await admission.admit(attributes, ctx);
  const admitted = attributes.object ?? obj;
  store.setDefaults(admitted);
  const prefix = admitted.metadata?.generateName ?? '';
  const generated = prefix !== '' && !admitted.metadata?.name;
  for (let tries = 1; ; tries++) {
    const attempt = generated && tries < MAX_NAMES ? clone(admitted) : admitted;
    const own = metadataOf(attempt);
    if (generated) own.name = generateName(prefix, () => store.clock.random());
    const stored = await createOnce(store, attempt, attributes, ctx);
    if (stored) return stored;
    const name = own.name ?? '';
    if (!generated) throw alreadyExists(store.qualified, name);
    if (tries === MAX_NAMES)
      throw generateNameConflict(store.qualified, name, NAME_RETRY_AFTER_SECONDS);
  }

  /** Undefined when the name is taken. */
  async function createOnce(
    of: GenericStore,
    attempt: KubeObject,
    attributes: ReturnType<GenericStore['attributes']>,
    ctx: RequestContext,
  ): Promise<StoredObject | undefined> {
    prepare(of, attempt, ctx);
    if (strategy.large) await othersTurn();
    await strategy.checkAhead?.(attempt);
    const own = metadataOf(attempt);
    const name = own.name ?? '';
    of.refuse(name, [
      ...validateObjectMeta(
        own,
        {
          namespaced: definition.namespaced,
          validateName: strategy.validateName ?? nameIsDNSSubdomain,
        },
        path('metadata'),
      ),
      ...validateWith(of, attempt, () => strategy.validate?.(attempt, ctx) ?? []),
    ]);
    const key = of.key(own.namespace ?? '', name);
    for (const text of strategy.warningsOnCreate?.(attempt, ctx) ?? []) ctx.warn(text);
    await admission.validate({ ...attributes, name, object: attempt }, ctx);
    if (strategy.large) await othersTurn();
    if (ctx.dryRun) {
      const { object } = await of.current(key);
      return object ? undefined : of.storage.codec.fromObject(key, attempt, 0);
    }
    const undo = await strategy.begin?.('create', attempt, undefined, ctx);
    try {
      const result = await of.storage.create(key, attempt, strategy.ttlSeconds ?? 0);
      if (!isLost(result)) {
        await undo?.commit?.();
        return result;
      }
    } catch (err) {
      await undo?.();
      throw err;
    }
    await undo?.();
    return undefined;
  }
}

/** What only the server says of a new object, then what the kind says. */
function prepare(store: GenericStore, obj: KubeObject, ctx: RequestContext): void {
  const { strategy, clock } = store;
  const meta = metadataOf(obj);
  meta.uid = randomUUID();
  meta.creationTimestamp = formatTime(new Date(clock.now()));
  delete meta.deletionTimestamp;
  delete meta.deletionGracePeriodSeconds;
  delete meta.selfLink;
  if (strategy.generation) meta.generation = 1;
  else delete meta.generation;
  if (strategy.status && !strategy.keepsStatusOnCreate) (obj as { status?: unknown }).status = {};
  strategy.prepareForCreate?.(obj, ctx);
}

/** The namespace of the path is the object's; another one in the body is an error. */
export function claimNamespace(store: GenericStore, meta: ObjectMeta, namespace: string): void {
  if (!store.definition.namespaced) {
    if (meta.namespace) throw namespaceMismatch();
    delete meta.namespace;
    return;
  }
  if (!meta.namespace) meta.namespace = namespace;
  else if (meta.namespace !== namespace) throw namespaceMismatch();
}

export function namespaceMismatch(): Error {
  return badRequest(
    'the namespace of the provided object does not match the namespace sent on the request',
  );
}

export function metadataOf(obj: KubeObject): ObjectMeta {
  obj.metadata ??= {};
  return obj.metadata;
}
