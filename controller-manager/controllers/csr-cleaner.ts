/**
 * Deletes CertificateSigningRequests that nobody needs any more (`pkg/controller/certificates/cleaner`):
 * issued, denied or failed an hour ago; pending for a day; with a certificate whose time is over.
 */
import { X509Certificate } from 'node:crypto';
import type { CertificateSigningRequest } from '../../pkg/api/types.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { parseTime } from '../../pkg/apimachinery/time.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { CERTIFICATE_SIGNING_REQUESTS } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runPeriodically,
} from '../controller.js';

const HOUR_MS = 3600_000;
const PERIOD_MS = HOUR_MS;
const PENDING_MS = 24 * HOUR_MS;

export const csrCleaner: ControllerDescriptor = {
  name: 'certificatesigningrequest-cleaner-controller',
  aliases: ['csrcleaner'],
  serviceAccount: 'certificate-controller',
  create: (context) => new CsrCleaner(context),
};

class CsrCleaner implements Controller {
  private readonly requests: Informer<CertificateSigningRequest>;
  private readonly client: ResourceClient<CertificateSigningRequest>;

  constructor(private readonly context: ControllerContext) {
    const { client, informers } = context;
    this.client = client.resource<CertificateSigningRequest>(CERTIFICATE_SIGNING_REQUESTS);
    this.requests = informers.informer<CertificateSigningRequest>(CERTIFICATE_SIGNING_REQUESTS);
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      await this.requests.waitForSync(signal);
    } catch (err) {
      if (signal.aborted) return;
      throw err;
    }
    await runPeriodically(this.context.clock, PERIOD_MS, signal, () => this.clean(signal));
  }

  private async clean(signal: AbortSignal): Promise<void> {
    const now = this.context.clock.now();
    const over = [...this.requests.store.values()].filter((csr) => isOver(csr, now));
    for (const csr of over) {
      try {
        await this.client.delete('', keyOf(csr), { signal });
      } catch (err) {
        if (signal.aborted) return;
        if (isNotFound(err)) continue;
        this.context.logger.info({ name: keyOf(csr), err }, 'Could not delete a request, later');
      }
    }
  }
}

export function isOver({ metadata, status }: CertificateSigningRequest, now: number): boolean {
  const { conditions = [], certificate } = status ?? {};
  const isOld = (time: string | undefined, ms: number) => {
    const at = parseTime(time ?? '');
    return at !== undefined && at + ms < now;
  };
  if (conditions.length === 0) return isOld(metadata?.creationTimestamp, PENDING_MS);
  if (certificate && hasExpired(certificate, now)) return true;
  return conditions.some(
    (c) =>
      isOld(c.lastUpdateTime, HOUR_MS) &&
      (c.type === 'Denied' ||
        c.type === 'Failed' ||
        (c.type === 'Approved' && Boolean(certificate))),
  );
}

/** What cannot be read has not expired: somebody else's signer may write what it likes. */
function hasExpired(certificate: string, now: number): boolean {
  try {
    const { validTo } = new X509Certificate(Buffer.from(certificate, 'base64'));
    return Date.parse(validTo) < now;
  } catch {
    return false;
  }
}
