/**
 * The part of kubectl's JSONPath that printer columns use: fields, quoted keys, indexes, `[*]`, and filters
 * that compare (`.status.conditions[?(@.type=="Ready")].status`). Parsed once for each column.
 */
import { deepEqual } from '../../pkg/apimachinery/equality.js';
import { isMap } from './schema/structural.js';

type Step =
  | { readonly field: string }
  | { readonly index: number }
  | { readonly all: true; readonly deep?: true }
  | { readonly filter: Filter };

interface Filter {
  readonly path: JsonPath;
  readonly operator: string;
  readonly value: unknown;
}

export class JsonPath {
  private constructor(private readonly steps: readonly Step[]) {}

  /** `.spec.a`; undefined where the text is no path. */
  static parse(text: string): JsonPath | undefined {
    const steps: Step[] = [];
    let rest = text
      .trim()
      .replace(/^\{(.*)\}$/s, '$1')
      .replace(/^\$/, '');
    while (rest !== '') {
      const found = nextStep(rest);
      if (!found) return undefined;
      steps.push(...found.steps);
      rest = rest.slice(found.length);
    }
    return new JsonPath(steps);
  }

  /** Every value that the path leads to; none where something on the way is missing. */
  find(root: unknown): unknown[] {
    let found: unknown[] = [root];
    for (const step of this.steps) found = found.flatMap((value) => follow(value, step));
    return found;
  }
}

const QUOTED = /^\[\s*(['"])((?:\\.|(?!\1).)*)\1\s*\]/;
const FILTER =
  /^\[\?\(\s*@((?:[^=<>!\s'"]|\[[^\]]*\])*)\s*(?:(==|!=|<=|>=|<|>)\s*((?:'[^']*'|"[^"]*"|[^)\s]+)))?\s*\)\]/;

function nextStep(rest: string): { steps: Step[]; length: number } | undefined {
  const quoted = QUOTED.exec(rest);
  if (quoted) {
    const field = (quoted[2] ?? '').replace(/\\(.)/g, '$1');
    return { steps: [{ field }], length: quoted[0].length };
  }
  const filter = FILTER.exec(rest);
  if (filter) {
    const path = JsonPath.parse(filter[1] ?? '');
    if (!path) return undefined;
    const operator = filter[2] ?? '';
    const value = operator === '' ? undefined : literal(filter[3] ?? '');
    return { steps: [{ filter: { path, operator, value } }], length: filter[0].length };
  }
  const bracket = /^\[\s*(\*|-?\d+)\s*\]/.exec(rest);
  if (bracket) {
    const step: Step = bracket[1] === '*' ? { all: true } : { index: Number(bracket[1]) };
    return { steps: [step], length: bracket[0].length };
  }
  if (rest === '.') return { steps: [], length: 1 };
  const dotted = /^(\.\.|\.)?((?:\\.|[^.[\]\\])+)?/.exec(rest);
  if (!dotted || dotted[0] === '') return undefined;
  const deep: Step[] = dotted[1] === '..' ? [{ all: true, deep: true }] : [];
  if (dotted[2] === undefined)
    return dotted[1] === '.' && rest.startsWith('.[') ? { steps: [], length: 1 } : undefined;
  const field = dotted[2].replace(/\\(.)/g, '$1');
  const step: Step = field === '*' ? { all: true } : { field };
  return { steps: [...deep, step], length: dotted[0].length };
}

function literal(text: string): unknown {
  if (/^['"]/.test(text)) return text.slice(1, -1);
  if (text === 'true' || text === 'false') return text === 'true';
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

function follow(value: unknown, step: Step): unknown[] {
  if ('field' in step) {
    if (Array.isArray(value)) return value.flatMap((item) => follow(item, step));
    return isMap(value) && Object.hasOwn(value, step.field) ? [value[step.field]] : [];
  }
  if ('index' in step) {
    if (!Array.isArray(value)) return [];
    const at = step.index < 0 ? value.length + step.index : step.index;
    return at < value.length && at >= 0 ? [value[at]] : [];
  }
  if ('filter' in step) {
    const items = Array.isArray(value) ? value : isMap(value) ? Object.values(value) : [];
    return items.filter((item) => passes(item, step.filter));
  }
  if (step.deep) return descend(value);
  if (Array.isArray(value)) return value;
  return isMap(value) ? Object.values(value) : [];
}

function descend(value: unknown): unknown[] {
  const below = Array.isArray(value) ? value : isMap(value) ? Object.values(value) : [];
  return [value, ...below.flatMap(descend)];
}

function passes(item: unknown, { path, operator, value }: Filter): boolean {
  const found = path.find(item);
  if (operator === '') return found.length > 0;
  const [left] = found;
  if (left === undefined) return false;
  if (operator === '==') return deepEqual(left, value);
  if (operator === '!=') return !deepEqual(left, value);
  if (typeof left !== typeof value) return false;
  const [a, b] = [left as number | string, value as number | string];
  if (operator === '<') return a < b;
  if (operator === '>') return a > b;
  return operator === '<=' ? a <= b : a >= b;
}
