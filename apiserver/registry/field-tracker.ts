/** Who set which field of an object: what the generic store needs of `managedFields`. */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';

export interface FieldTracker {
  /** `obj` with its managedFields as they are after `manager` wrote it by create, update or patch. */
  recordUpdate(
    live: KubeObject | undefined,
    obj: KubeObject,
    manager: string,
    subresource: string,
  ): KubeObject;
  /** The live object with an applied configuration merged in; a StatusError (409) names conflicts. */
  apply(
    live: KubeObject | undefined,
    config: KubeObject,
    manager: string,
    force: boolean,
    subresource: string,
  ): KubeObject;
}
