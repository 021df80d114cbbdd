/**
 * Why a value does not become a Go type when it is converted rather than parsed, as a strategic merge patch's result is
 * (`runtime.DefaultUnstructuredConverter`): other words than the JSON decoder's for the same fault. Pure.
 */

/** `wants`: the Go type's name, `int32`, `[]v1.Container`, `map[string]string`, `v1.PodSpec`. */
export function conversionFault(value: unknown, wants: string): string {
  const kind = kindOf(value);
  if (wants.startsWith('[]')) return `cannot restore slice from ${kind}`;
  if (wants.startsWith('map[')) return `cannot restore map from ${kind}`;
  if (!SCALARS.has(wants)) return `cannot restore struct from: ${kind}`;
  const isNumeric = wants.startsWith('int') || wants.startsWith('float');
  const converts = kind === 'int64' || (kind === 'float64' && isNumeric);
  return converts && wants !== 'bool'
    ? `cannot convert ${kind} to ${wants}`
    : `unrecognized type: ${wants}`;
}

const SCALARS = new Set(['string', 'bool', 'int32', 'int64', 'float64']);

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'slice';
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'number':
      return Number.isInteger(value) ? 'int64' : 'float64';
    case 'string':
      return 'string';
    default:
      return 'map';
  }
}
