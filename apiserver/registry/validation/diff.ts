/**
 * The difference of two values, for people: which fields changed, and from what to what, in the look of the
 * Go diff that Kubernetes puts behind "may not change fields other than …". Not exact, as upstream's is not.
 */
import { deepEqual } from '../../../pkg/apimachinery/equality.js';

/** How much of unchanged surroundings is shown: none but the path to the change. */
const INDENT = '  ';

export function goDiff(type: string, old: unknown, value: unknown): string {
  return `  ${type}{\n${lines(old, value, INDENT.repeat(2)).join('\n')}\n  }\n`;
}

function lines(old: unknown, value: unknown, indent: string): string[] {
  const before = entriesOf(old);
  const after = new Map(entriesOf(value));
  const keys = [...new Set([...before.map(([key]) => key), ...after.keys()])];
  const known = new Map(before);
  const out: string[] = [];
  let unchanged = 0;
  for (const key of keys) {
    const [from, to] = [known.get(key), after.get(key)];
    if (deepEqual(from, to)) {
      unchanged++;
      continue;
    }
    if (isComposite(from) && isComposite(to)) {
      out.push(
        `  ${indent}${title(key)}: {`,
        ...lines(from, to, `${indent}${INDENT}`),
        `  ${indent}},`,
      );
      continue;
    }
    if (from !== undefined) out.push(`- ${indent}${title(key)}: ${JSON.stringify(from)},`);
    if (to !== undefined) out.push(`+ ${indent}${title(key)}: ${JSON.stringify(to)},`);
  }
  if (unchanged > 0) out.push(`  ${indent}... // ${unchanged} identical fields`);
  return out;
}

function isComposite(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function entriesOf(value: unknown): [string, unknown][] {
  return isComposite(value) ? Object.entries(value) : [];
}

/** Go's field names: `nodeName` is `NodeName`. */
function title(key: string): string {
  return key.charAt(0).toUpperCase() + key.slice(1);
}
