/**
 * One requirement of a label selector: checked when it is made, compiled when it is used.
 * Texts are those of `k8s.io/apimachinery/pkg/labels.NewRequirement`.
 */
import { type FieldError, formatFieldError, invalid } from './field-error.js';
import { isQualifiedName, isValidLabelValue } from './validation/names.js';

export type Labels = Readonly<Record<string, string>>;

/** As they stand in selector text; `gt` and `lt` print as `>` and `<`. */
export type Operator = 'in' | 'notin' | '=' | '==' | '!=' | 'gt' | 'lt' | 'exists' | '!';

export const BINARY_OPERATORS: readonly Operator[] = ['in', 'notin', '=', '==', '!=', 'gt', 'lt'];

/** Text or an object that is no selector. */
export class SelectorError extends Error {
  override name = 'SelectorError';
}

export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  readonly values: readonly string[];
}

/** Checked as upstream's NewRequirement; throws SelectorError with all faults. */
export function newRequirement(
  key: string,
  operator: Operator,
  values: readonly string[],
): Requirement {
  const errors: FieldError[] = [];
  const keyMessages = isQualifiedName(key);
  if (keyMessages.length > 0) errors.push(invalid('key', key, keyMessages.join('; ')));
  switch (operator) {
    case 'in':
    case 'notin':
      if (values.length === 0) {
        errors.push(
          invalid('values', values, "for 'in', 'notin' operators, values set can't be empty"),
        );
      }
      break;
    case '=':
    case '==':
    case '!=':
      if (values.length !== 1) {
        errors.push(
          invalid('values', values, 'exact-match compatibility requires one single value'),
        );
      }
      break;
    case 'exists':
    case '!':
      if (values.length !== 0) {
        errors.push(
          invalid('values', values, 'values set must be empty for exists and does not exist'),
        );
      }
      break;
    case 'gt':
    case 'lt':
      if (values.length !== 1) {
        errors.push(
          invalid('values', values, "for 'Gt', 'Lt' operators, exactly one value is required"),
        );
      }
      values.forEach((value, i) => {
        if (parseInt64(value) === undefined) {
          errors.push(
            invalid(
              `values[${i}]`,
              value,
              "for 'Gt', 'Lt' operators, the value must be an integer",
            ),
          );
        }
      });
  }
  values.forEach((value, i) => {
    const messages = isValidLabelValue(value);
    if (messages.length > 0) {
      errors.push(invalid(`values[${i}][${key}]`, value, messages.join('; ')));
    }
  });
  if (errors.length > 0) {
    const texts = [...new Set(errors.map(formatFieldError))];
    throw new SelectorError(texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`);
  }
  return { key, operator, values: [...values] };
}

export type LabelCheck = (labels: Labels) => boolean;

/** Allocates nothing when called. */
export function compileRequirement({ key, operator, values }: Requirement): LabelCheck {
  const first = values[0];
  const has = (labels: Labels) => labels[key] !== undefined && Object.hasOwn(labels, key);
  switch (operator) {
    case 'exists':
      return has;
    case '!':
      return (labels) => !has(labels);
    case 'gt':
    case 'lt': {
      const bound = parseInt64(first ?? '');
      if (bound === undefined) return () => false;
      const wanted = operator === 'gt' ? 1 : -1;
      return (labels) => {
        const value = has(labels) ? parseInt64(labels[key] ?? '') : undefined;
        if (value === undefined) return false;
        return value === bound ? false : value > bound ? wanted === 1 : wanted === -1;
      };
    }
    case 'in':
    case '=':
    case '==':
      // A value is a string, so nothing inherited from Object.prototype can equal it.
      if (values.length === 1) return (labels) => labels[key] === first;
      return (labels) => values.includes(labels[key] as string);
    case 'notin':
    case '!=':
      if (values.length === 1) return (labels) => labels[key] !== first;
      return (labels) => !values.includes(labels[key] as string);
  }
}

export function requirementToString({ key, operator, values }: Requirement): string {
  const sorted = values.length > 1 ? [...values].sort() : values;
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${sorted.join(',')})`;
    case 'gt':
      return `${key}>${sorted.join(',')}`;
    case 'lt':
      return `${key}<${sorted.join(',')}`;
    default:
      return `${key}${operator}${sorted.join(',')}`;
  }
}

/** Go's strconv.ParseInt(s, 10, 64). */
function parseInt64(text: string): bigint | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return BigInt.asIntN(64, value) === value ? value : undefined;
}
