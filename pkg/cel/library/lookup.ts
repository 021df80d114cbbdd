/** The body of a standard operator, for libraries that compute with values as expressions do. */
import type { Body } from '../function.js';
import { standard } from './standard.js';

const bodies: ReadonlyMap<string, Body> = new Map(standard.map(({ name, call }) => [name, call]));

export function lookUpFunction(name: string): Body {
  const body = bodies.get(name);
  if (!body) throw new Error(`there is no operator ${name}`);
  return body;
}
