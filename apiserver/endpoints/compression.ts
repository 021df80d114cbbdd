/** gzip for long answers, to clients that say they take it: upstream's APIResponseCompression. */
import type { ServerResponse } from 'node:http';
import { constants, createGzip, type Gzip } from 'node:zlib';
import type { RequestContext } from '../server/request-context.js';

/** Upstream's `defaultGzipThresholdBytes`: what is not longer is not worth a compressor. */
const THRESHOLD_BYTES = 128 * 1024;
/** Upstream's level: speed over size. */
const LEVEL = constants.Z_BEST_SPEED;

export function isWorthGzip(ctx: RequestContext, length: number): boolean {
  return length > THRESHOLD_BYTES && takesGzip(ctx);
}

/** A stream into the response, whose code and type are set; nothing of it is sent yet. */
export function startGzip(res: ServerResponse): Gzip {
  res.setHeader('Content-Encoding', 'gzip');
  res.appendHeader('Vary', 'Accept-Encoding');
  const gzip = createGzip({ level: LEVEL });
  gzip.pipe(res);
  res.once('close', () => gzip.destroy());
  return gzip;
}

/** The plain word only, as upstream has it: `gzip;q=1` is none. */
function takesGzip(ctx: RequestContext): boolean {
  const accepted = ctx.exchange?.req.headers['accept-encoding'];
  return (
    accepted !== undefined &&
    String(accepted)
      .split(',')
      .some((token) => token.trim() === 'gzip')
  );
}
