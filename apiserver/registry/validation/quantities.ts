/** Quantities as validation reads them: compared and tested for sign without caring how they are written. */
import type { Path } from '../../../pkg/apimachinery/field-error.js';
import { parseQuantity, type Quantity, QuantityError } from '../../../pkg/apimachinery/quantity.js';

export type QuantityText = string | number;

/** Undefined for text that is no quantity; the schema's own check reports that. */
export function quantityOf(value: QuantityText): Quantity | undefined {
  try {
    return parseQuantity(value);
  } catch (err) {
    if (err instanceof QuantityError) return undefined;
    throw err;
  }
}

/** Below, at or above zero like a comparator; 0 when either is no quantity. */
export function compareQuantity(a: QuantityText, b: QuantityText): number {
  const left = quantityOf(a);
  const right = quantityOf(b);
  return left && right ? left.compare(right) : 0;
}

export function isZeroQuantity(value: QuantityText): boolean {
  return signOf(value) === 0;
}

/** -1, 0 or 1. */
export function signOf(value: QuantityText): number {
  return compareQuantity(value, '0');
}

/** Bytes come whole. */
export function fractionalByteWarnings(value: string | undefined, at: Path): string[] {
  const quantity = value === undefined ? undefined : quantityOf(value);
  if (!quantity || quantity.milliValue() % 1000 === 0) return [];
  return [
    `${at}: fractional byte value ${JSON.stringify(quantity.toString())} is invalid, must be an integer`,
  ];
}
