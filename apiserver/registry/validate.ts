/** The checks of a kind in their order: what its schema demands, then what its strategy knows. */
import type { FieldError } from '../../pkg/apimachinery/field-error.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { GenericStore } from './generic-store.js';

/** A field that both find wrong is reported once, in the strategy's words. */
export function validateWith(
  store: GenericStore,
  obj: KubeObject,
  ofStrategy: () => FieldError[],
): FieldError[] {
  const ofSchema = store.validateSchema(obj);
  const own = ofStrategy();
  if (ofSchema.length === 0) return own;
  const known = new Set(own.map((error) => `${error.type} ${error.field}`));
  return [...own, ...ofSchema.filter((error) => !known.has(`${error.type} ${error.field}`))];
}
