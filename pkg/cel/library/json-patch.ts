/** Keys as parts of a JSON Patch's path (`library/jsonpatch.go`); for expressions that make patches. */
import { asText } from '../equality.js';
import { define, type Library } from '../function.js';

export const jsonPatches: Library = [
  define(
    'jsonpatch.escapeKey',
    ['string_jsonpatch_escapeKey_string: (string) -> string'],
    ([key]) => asText(key).replace(/[~/]/g, (found) => (found === '~' ? '~0' : '~1')),
  ),
];
