/** The bytes of a request's body, up to the limit that the API has for every request. */
import type { IncomingMessage } from 'node:http';
import { badRequest, requestEntityTooLarge } from '../../pkg/apimachinery/status.js';

/** Upstream's `MaxRequestBodyBytes`. */
export const BODY_LIMIT_BYTES = 3 * 1024 * 1024;

/** Listens by itself: an iterator over the parts would cost a small write more than parsing it does. */
export async function readBody(req: IncomingMessage): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > BODY_LIMIT_BYTES)
    throw requestEntityTooLarge(BODY_LIMIT_BYTES);
  if (req.readableEnded) return Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    const settled = () => {
      req.off('data', onData).off('end', onEnd).off('error', onLost).off('close', onLost);
    };
    const onData = (part: Buffer) => {
      length += part.length;
      parts.push(part);
      if (length <= BODY_LIMIT_BYTES) return;
      settled();
      // The rest is not read: the answer says that the connection ends.
      req.pause();
      reject(requestEntityTooLarge(BODY_LIMIT_BYTES));
    };
    const onEnd = () => {
      settled();
      resolve(parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts, length));
    };
    const onLost = (err?: Error) => {
      settled();
      reject(req.complete && err ? err : badRequest('unexpected EOF'));
    };
    req.on('data', onData).on('end', onEnd).on('error', onLost).on('close', onLost);
    if (req.destroyed) onLost();
  });
}
