/** The files below some folders whose name passes a test; sorted, so that builds repeat. */
import { existsSync, readdirSync } from 'node:fs';

export function globSync(folders: readonly string[], wanted: (name: string) => boolean): string[] {
  const found: string[] = [];
  const walk = (dir: string) => {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      const path = `${dir}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (wanted(entry.name)) found.push(path);
    }
  };
  for (const folder of folders) if (existsSync(folder)) walk(folder);
  return found.sort();
}
