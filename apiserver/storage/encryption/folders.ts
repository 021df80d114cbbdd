/** Which resource's objects lie in a folder of the store: `/registry/minions/` → `nodes`. */
import type { ResourceDefinition } from '../../registry/resource.js';
import { storagePrefix } from '../keys.js';

const FOLDERS = new WeakMap<readonly ResourceDefinition[], ReadonlyMap<string, string>>();

/** By folder, with both slashes; computed once for each list of definitions. */
export function foldersOf(definitions: readonly ResourceDefinition[]): ReadonlyMap<string, string> {
  let found = FOLDERS.get(definitions);
  if (!found) {
    found = new Map(
      definitions
        .filter(({ virtual, storage }) => !virtual && !(storage && 'from' in storage))
        .map((d) => [storagePrefix(d), d.group === '' ? d.resource : `${d.resource}.${d.group}`]),
    );
    FOLDERS.set(definitions, found);
  }
  return found;
}
