/** PATCH bodies by their content type, and how each changes an object. */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { unsupportedMediaType } from '../../pkg/apimachinery/status.js';
import type { RequestContext } from '../server/request-context.js';
import type { StoredObject } from '../storage/stored-object.js';
import type { ObjectDecoder } from './object-decoder.js';
import type { Scale } from './scale.js';
import type { ServedView } from './served-view.js';

export interface PreparedPatch {
  readonly options: KubeObject;
  /** Server-side apply: it keeps managedFields by itself and may create. */
  readonly applies: boolean;
  apply(current: StoredObject | undefined, subresource: string): KubeObject;
}

export class Patcher {
  constructor(readonly decoder: ObjectDecoder) {}
  async read(_ctx: RequestContext, _view: ServedView): Promise<PreparedPatch> {
    throw unsupportedMediaType([]);
  }
  async readForScale(
    _ctx: RequestContext,
    _view: ServedView,
  ): Promise<(scale: Scale) => KubeObject> {
    throw unsupportedMediaType([]);
  }
}
