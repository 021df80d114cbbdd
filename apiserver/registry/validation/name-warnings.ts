/** Names that are fine for the object, and will surprise where they become the names of hosts. */
import { isDNS1123Label } from '../../../pkg/apimachinery/validation/names.js';

/** For what makes pods: their names begin with it. */
export function nameWarnings(name: string | undefined): string[] {
  return ofHosts(name, 'in Pod names and hostnames');
}

export function podNameWarnings(name: string | undefined): string[] {
  return ofHosts(name, "in the Pod's hostname");
}

function ofHosts(name: string | undefined, where: string): string[] {
  const problems = isDNS1123Label(name ?? '');
  if (problems.length === 0) return [];
  return [
    `metadata.name: this is used ${where}, which can result in surprising behavior; a DNS label is recommended: [${problems.join(' ')}]`,
  ];
}
