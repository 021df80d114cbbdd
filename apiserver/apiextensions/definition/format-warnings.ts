/** Formats in a definition's schemas that this server does not know: they check nothing, and their author is told. */
import type { CustomResourceDefinition } from '../../../pkg/api/types.js';
import { isKnownFormat } from '../schema/formats.js';
import { schemasIn } from '../schema/structural.js';

export function formatWarnings(
  crd: CustomResourceDefinition,
  old?: CustomResourceDefinition,
): string[] {
  const before = new Set(old ? unknownFormats(old) : []);
  return unknownFormats(crd)
    .filter((format) => !before.has(format))
    .map((format) => `unrecognized format ${JSON.stringify(format)}`);
}

function unknownFormats({ spec }: CustomResourceDefinition): string[] {
  const found = new Set<string>();
  for (const { schema } of spec.versions) {
    if (!schema?.openAPIV3Schema) continue;
    for (const { format } of schemasIn(schema.openAPIV3Schema))
      if (format && !isKnownFormat(format)) found.add(format);
  }
  return [...found].sort();
}
