/** Quantities (`library/quantity.go`): `quantity('500m').isLessThan(quantity('1'))`. */
import { Quantity } from '../../apimachinery/quantity.js';
import { asText } from '../equality.js';
import { define, type Library } from '../function.js';
import {
  CelFailure,
  Double,
  int,
  isInt,
  noSuchOverload,
  QuantityValue,
  type Value,
} from '../values.js';

export const QUANTITY_TYPE = 'kubernetes.Quantity';
const TYPE = QUANTITY_TYPE;

function of(value: Value | undefined): Quantity {
  if (!(value instanceof QuantityValue)) throw noSuchOverload();
  return value.quantity;
}

/** The other one of a sum, which may be an int. */
function operand(value: Value | undefined): Quantity {
  return value !== undefined && isInt(value) ? Quantity.of(value) : of(value);
}

function parse(text: string): Quantity {
  try {
    return Quantity.parse(text);
  } catch (err) {
    throw new CelFailure(err instanceof Error ? err.message : String(err));
  }
}

/** Undefined where the value is no int64. */
function whole(quantity: Quantity): bigint | undefined {
  const value = BigInt(quantity.scaledValue(0));
  return Quantity.of(value).equals(quantity) ? value : undefined;
}

const sum = (name: 'add' | 'sub') =>
  define(
    name,
    [
      `quantity_${name}: ${TYPE}.(${TYPE}) -> ${TYPE}`,
      `quantity_${name}_int: ${TYPE}.(int) -> ${TYPE}`,
    ],
    ([a, b]) => new QuantityValue(of(a)[name](operand(b))),
  );

export const quantities: Library = [
  define(
    'quantity',
    [`string_to_quantity: (string) -> ${TYPE}`],
    ([text]) => new QuantityValue(parse(asText(text))),
  ),
  define(
    'isQuantity',
    ['is_quantity_string: (string) -> bool'],
    ([text]) => Quantity.tryParse(asText(text)) !== undefined,
  ),
  define('sign', [`quantity_sign: ${TYPE}.() -> int`], ([value]) => of(value).sign),
  define(
    'isInteger',
    [`quantity_is_integer: ${TYPE}.() -> bool`],
    ([value]) => whole(of(value)) !== undefined,
  ),
  define('asInteger', [`quantity_as_integer: ${TYPE}.() -> int`], ([value]) => {
    const found = whole(of(value));
    if (found === undefined) throw new CelFailure('cannot convert value to integer');
    return int(found);
  }),
  define(
    'asApproximateFloat',
    [`quantity_get_float: ${TYPE}.() -> double`],
    ([value]) => new Double(of(value).toNumber()),
  ),
  sum('add'),
  sum('sub'),
  define(
    'isGreaterThan',
    [`quantity_is_greater_than: ${TYPE}.(${TYPE}) -> bool`],
    ([a, b]) => of(a).compare(of(b)) > 0,
  ),
  define(
    'isLessThan',
    [`quantity_is_less_than: ${TYPE}.(${TYPE}) -> bool`],
    ([a, b]) => of(a).compare(of(b)) < 0,
  ),
  define('compareTo', [`quantity_compare_to: ${TYPE}.(${TYPE}) -> int`], ([a, b]) =>
    of(a).compare(of(b)),
  ),
];
