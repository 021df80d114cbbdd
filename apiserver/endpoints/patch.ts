/**
 * PATCH bodies by their content type, and what each makes of an object. A patch is read once and applied
 * as often as another write comes in between.
 *
 *   json, merge, strategic   current state in the served version → patched → decoded like a body → stored
 *   apply                    the field manager merges it with what the other managers own
 */
import type { OfPatch } from '../../pkg/api/schema/decode.js';
import { explainSyntaxError } from '../../pkg/api/schema/json-scanner.js';
import type { SchemaSet } from '../../pkg/api/schema/model.js';
import { clone } from '../../pkg/apimachinery/clone.js';
import type { FieldManager } from '../../pkg/apimachinery/managed-fields/field-manager.js';
import { isMap } from '../../pkg/apimachinery/managed-fields/typed.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { nestsTooDeep, TOO_DEEP } from '../../pkg/apimachinery/nesting.js';
import { applyJsonPatch, asJsonPatch } from '../../pkg/apimachinery/patch/json-patch.js';
import { applyMergePatch, asMergePatch } from '../../pkg/apimachinery/patch/merge-patch.js';
import {
  applyStrategicMergePatch,
  asStrategicMergePatch,
} from '../../pkg/apimachinery/patch/strategic-merge.js';
import {
  badRequest,
  invalid,
  notFound,
  StatusError,
  unsupportedMediaType,
} from '../../pkg/apimachinery/status.js';
import { validatePatchOptions } from '../../pkg/apimachinery/validation/options.js';
import { fieldManager, unstructured } from '../registry/field-managers.js';
import type { ResourceDefinition } from '../registry/resource.js';
import { bodyForAudit } from '../server/audit/audit.js';
import type { RequestContext } from '../server/request-context.js';
import type { StoredObject } from '../storage/stored-object.js';
import { readApplyBody, tellRepeated } from './apply-body.js';
import { flag } from './list-options.js';
import { mediaType } from './media-type.js';
import { fieldValidation, type ObjectDecoder } from './object-decoder.js';
import { readBody } from './request-body.js';
import { exchangeOf } from './respond.js';
import type { Scale } from './scale.js';
import type { ServedView } from './served-view.js';

const APPLY = 'application/apply-patch+yaml';
const STRATEGIC = 'application/strategic-merge-patch+json';
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  STRATEGIC,
  APPLY,
] as const;

/** Lists of custom kinds have no merge keys that older clients would know of. */
const CUSTOM_PATCH_TYPES = PATCH_TYPES.filter((type) => type !== STRATEGIC);

type PatchType = (typeof PATCH_TYPES)[number];

function isPatchType(type: string): type is PatchType {
  return PATCH_TYPES.some((known) => known === type);
}

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' } as const;

export interface PreparedPatch {
  readonly options: KubeObject;
  /** Server-side apply: it keeps managedFields by itself, and creates what is not there. */
  readonly applies: boolean;
  /** The new state in the stored version, the caller's to change. */
  apply(current: StoredObject | undefined, subresource: string): KubeObject;
}

/** What a patch makes of a value; changes neither. */
interface Change extends OfPatch {
  of(value: KubeObject): unknown;
}

export class Patcher {
  /** For versions that show another version's objects: applied configurations are of the shown kind. */
  private readonly managers = new Map<ServedView, FieldManager>();

  constructor(
    private readonly decoder: ObjectDecoder,
    private readonly schemas: SchemaSet,
  ) {}

  async read(ctx: RequestContext, view: ServedView): Promise<PreparedPatch> {
    const type = mediaType(exchangeOf(ctx).req.headers['content-type']);
    const { custom } = view.definition;
    if (!isPatchType(type) || (custom && type === STRATEGIC))
      throw unsupportedMediaType(custom ? CUSTOM_PATCH_TYPES : PATCH_TYPES);
    const options = patchOptions(ctx, type === APPLY);
    const body = await readBody(exchangeOf(ctx).req);
    ctx.audit?.setRequest(bodyForAudit(body));
    if (type === APPLY) return this.readApply(ctx, view, body, options);
    const change = this.change(type, body, view.definition.definition);
    const { definition } = view;
    return {
      options,
      applies: false,
      apply: (current, subresource) => {
        if (!current) throw notFound(view.qualified, ctx.requestInfo.name);
        const whole = view.of(current).object;
        const patched = usersFault(() => change.of(whole));
        const decoded =
          subresource === 'status' && !custom
            ? this.decodeStatus(ctx, definition, whole, patched, change)
            : this.decode(ctx, definition, patched, change);
        return view.toStored(decoded, ctx, current);
      },
    };
  }

  /** A Scale is patched as the object it looks like. */
  async readForScale(ctx: RequestContext): Promise<(scale: Scale) => KubeObject> {
    const type = mediaType(exchangeOf(ctx).req.headers['content-type']);
    if (!isPatchType(type)) throw unsupportedMediaType(PATCH_TYPES);
    const body = await readBody(exchangeOf(ctx).req);
    if (type === APPLY) {
      const { config: applied, repeated } = readApplyBody(body);
      tellRepeated(ctx, repeated);
      const config = this.decode(ctx, SCALE, applied);
      return (scale) => ({
        ...scale,
        ...config,
        metadata: { ...scale.metadata, ...config.metadata },
      });
    }
    const change = this.change(type, body, 'io.k8s.api.autoscaling.v1.Scale');
    return (scale) =>
      this.decode(
        ctx,
        SCALE,
        usersFault(() => change.of(scale)),
        change,
      );
  }

  private readApply(
    ctx: RequestContext,
    view: ServedView,
    body: Buffer,
    options: KubeObject,
  ): PreparedPatch {
    const { config, repeated } = readApplyBody(body);
    const force = flag(ctx.query, 'force') ?? false;
    const manager = this.managerOf(view);
    const { name, namespace } = ctx.requestInfo;
    const meta = config.metadata ?? {};
    if (meta.name === undefined || meta.name === '') config.metadata = { ...meta, name };
    return {
      options,
      applies: true,
      apply: (current, subresource) => {
        const live = current && unstructured(view.of(current).object);
        const own = clone(config);
        if (!live && view.definition.namespaced)
          own.metadata = { ...own.metadata, namespace: own.metadata?.namespace ?? namespace };
        const merged = usersFault(() =>
          manager.apply(
            live,
            unstructured(own),
            ctx.fieldManager,
            force,
            subresource,
            ctx.clock.now(),
          ),
        );
        tellRepeated(ctx, repeated);
        const decoded = this.decode(ctx, view.definition, clone(merged));
        if (own.metadata?.resourceVersion) {
          decoded.metadata = { ...decoded.metadata, resourceVersion: own.metadata.resourceVersion };
        }
        return view.toStored(decoded, ctx, current);
      },
    };
  }

  private managerOf(view: ServedView): FieldManager {
    if (!view.converts) return view.store.fields;
    let manager = this.managers.get(view);
    if (!manager) {
      manager = fieldManager(view.definition, this.schemas);
      this.managers.set(view, manager);
    }
    return manager;
  }

  /**
   * What a patch of the status left alone stands there as it came out of the store, frozen: it needs no decoding,
   * and will not be written.
   */
  private decodeStatus(
    ctx: RequestContext,
    definition: ResourceDefinition,
    whole: KubeObject,
    patched: unknown,
    change: Change,
  ): KubeObject {
    if (!isMap(patched)) return this.decode(ctx, definition, patched, change);
    const part: Record<string, unknown> = {};
    const same: Record<string, unknown> = {};
    for (const [field, value] of Object.entries(patched)) {
      const untouched = typeof value === 'object' && value === Reflect.get(whole, field);
      (untouched && field !== 'metadata' && field !== 'status' ? same : part)[field] = value;
    }
    try {
      return Object.assign(this.decode(ctx, definition, part, change), same);
    } catch {
      // The error shows all that the patch has made.
      return this.decode(ctx, definition, patched, change);
    }
  }

  private decode(
    ctx: RequestContext,
    of: Parameters<ObjectDecoder['decodeValue']>[0],
    value: unknown,
    patch?: OfPatch,
  ): KubeObject {
    const validation = fieldValidation(ctx.query);
    return this.decoder.decodeValue(of, value, validation, (text) => ctx.warn(text), patch);
  }

  private change(type: Exclude<PatchType, typeof APPLY>, body: Buffer, definition: string): Change {
    const parsed = parseJson(body);
    switch (type) {
      case 'application/json-patch+json': {
        const patch = asJsonPatch(parsed);
        return { of: (value) => applyJsonPatch(value, patch) };
      }
      case 'application/merge-patch+json': {
        const patch = asMergePatch(parsed);
        return { of: (value) => applyMergePatch(value, patch) };
      }
      case STRATEGIC: {
        const patch = asStrategicMergePatch(parsed);
        const schema = this.schemas.get(definition);
        const of = (value: KubeObject) =>
          applyStrategicMergePatch(value, patch, schema, this.schemas);
        return { of, strategic: patch };
      }
    }
  }
}

function patchOptions(ctx: RequestContext, apply: boolean): KubeObject {
  const force = flag(ctx.query, 'force');
  const options = {
    kind: 'PatchOptions',
    apiVersion: 'meta.k8s.io/v1',
    ...(force === undefined ? {} : { force }),
    ...(ctx.query.has('fieldManager') ? { fieldManager: ctx.query.get('fieldManager') ?? '' } : {}),
    ...(ctx.query.has('dryRun')
      ? { dryRun: ctx.query.getAll('dryRun').filter((value) => value !== '') }
      : {}),
    ...(ctx.query.has('fieldValidation')
      ? { fieldValidation: ctx.query.get('fieldValidation') ?? '' }
      : {}),
  };
  const errors = validatePatchOptions(options, apply);
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'PatchOptions' }, '', errors);
  return options;
}

function parseJson(body: Buffer): unknown {
  const text = body.toString();
  if (nestsTooDeep(text)) throw badRequest(`error decoding patch: ${TOO_DEEP}`);
  try {
    return JSON.parse(text);
  } catch (err) {
    throw badRequest(`error decoding patch: ${explainSyntaxError(text) ?? String(err)}`);
  }
}

/**
 * DEVIATION: a patch that does not fit the object (an unknown field in an applied configuration, a list
 * where the schema has a map) is the sender's fault, a 400; upstream answers the same text as a 500 that
 * has no reason.
 */
function usersFault<T>(change: () => T): T {
  try {
    return change();
  } catch (err) {
    if (err instanceof StatusError && err.code === 500 && err.reason === '')
      throw badRequest(err.message);
    throw err;
  }
}
