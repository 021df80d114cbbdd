/** The bytes of a request's body, up to the limit that the API has for every request. */
import type { IncomingMessage } from 'node:http';
import { badRequest, requestEntityTooLarge } from '../../pkg/apimachinery/status.js';

/** Upstream's `MaxRequestBodyBytes`. */
export const BODY_LIMIT_BYTES = 3 * 1024 * 1024;

export async function readBody(req: IncomingMessage): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > BODY_LIMIT_BYTES)
    throw requestEntityTooLarge(BODY_LIMIT_BYTES);
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of req) {
      const bytes: Buffer = Buffer.isBuffer(part) ? part : Buffer.from(part);
      length += bytes.length;
      if (length > BODY_LIMIT_BYTES) throw requestEntityTooLarge(BODY_LIMIT_BYTES);
      parts.push(bytes);
    }
  } catch (err) {
    if (req.destroyed && !req.complete && length <= BODY_LIMIT_BYTES)
      throw badRequest('unexpected EOF');
    throw err;
  }
  return parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts);
}
