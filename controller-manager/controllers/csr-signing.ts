/**
 * Signs approved CertificateSigningRequests of Kubernetes' own signers with the cluster's CA
 * (`pkg/controller/certificates/signer`). One that asks for what its signer does not give fails:
 *
 *   Approved ─ allowed ─▶ status.certificate
 *            └ not ────▶ condition Failed, SignerValidationFailure
 */
import { readFileSync } from 'node:fs';
import type { CertificateSigningRequest } from '../../pkg/api/types.js';
import { formatTime, keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { CERTIFICATE_SIGNING_REQUESTS } from '../../pkg/client/resources.js';
import type { CertificateAuthority } from '../certificates/authority.js';
import {
  CLIENT,
  hasCondition,
  KUBELET_CLIENT,
  KUBELET_SERVING,
  LEGACY_UNKNOWN,
  parseRequest,
  SigningError,
  signerProblem,
} from '../certificates/request.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { messageOf } from '../pod-control.js';

const SIGNERS = new Set([CLIENT, KUBELET_CLIENT, KUBELET_SERVING, LEGACY_UNKNOWN]);
const CONCURRENCY = 5;
const MIN_LIFE_MS = 10 * 60_000;

export const csrSigning: ControllerDescriptor = {
  name: 'certificatesigningrequest-signing-controller',
  aliases: ['csrsigning'],
  serviceAccount: 'certificate-controller',
  create: (context) => new CsrSigningController(context),
};

class CsrSigningController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly requests: Informer<CertificateSigningRequest>;
  private readonly client: ResourceClient<CertificateSigningRequest>;
  private authority: Promise<CertificateAuthority> | undefined;

  constructor(private readonly context: ControllerContext) {
    this.queue = new RateLimitingQueue(context.clock);
    this.client = context.client.resource<CertificateSigningRequest>(CERTIFICATE_SIGNING_REQUESTS);
    this.requests = context.informers.informer<CertificateSigningRequest>(
      CERTIFICATE_SIGNING_REQUESTS,
    );
    const enqueue = (csr: CertificateSigningRequest) => {
      if (isReady(csr)) this.queue.add(keyOf(csr));
    };
    this.requests.addHandler({ add: enqueue, update: (_, csr) => enqueue(csr) });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { context, queue } = this;
    // Without a CA nobody signs, and requests wait.
    if (context.options.clusterSigningCertFile === '') return;
    await runSyncLoop(
      {
        context,
        queue,
        concurrency: CONCURRENCY,
        informers: [this.requests],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const csr = this.requests.store.get(key);
    if (!csr || !isReady(csr)) return;
    const status = await this.answer(csr);
    try {
      await this.client.updateStatus({ ...csr, status: { ...csr.status, ...status } }, { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  private async answer(
    csr: CertificateSigningRequest,
  ): Promise<NonNullable<CertificateSigningRequest['status']>> {
    const { clock, options } = this.context;
    const { signerName, usages = [], expirationSeconds } = csr.spec;
    const now = clock.now();
    try {
      const request = await parseRequest(csr);
      const problem = signerProblem(signerName, request, usages);
      if (problem !== undefined) throw new SigningError(problem);
      this.authority ??= loadAuthority(
        options.clusterSigningCertFile,
        options.clusterSigningKeyFile,
      );
      const longest = options.clusterSigningDurationMs;
      const lifeMs =
        expirationSeconds === undefined
          ? longest
          : Math.min(longest, Math.max(MIN_LIFE_MS, expirationSeconds * 1000));
      const authority = await this.authority;
      const pem = await authority.sign({ request: request.pem, usages, lifeMs, now });
      return { certificate: Buffer.from(pem).toString('base64') };
    } catch (err) {
      if (!(err instanceof SigningError)) throw err;
      const time = formatTime(new Date(now));
      const failed = {
        type: 'Failed',
        status: 'True',
        reason: 'SignerValidationFailure',
        message: messageOf(err),
        lastUpdateTime: time,
        lastTransitionTime: time,
      };
      return { conditions: [...(csr.status?.conditions ?? []), failed] };
    }
  }
}

function isReady(csr: CertificateSigningRequest): boolean {
  return (
    SIGNERS.has(csr.spec.signerName) &&
    !csr.status?.certificate &&
    hasCondition(csr, 'Approved') &&
    !hasCondition(csr, 'Denied') &&
    !hasCondition(csr, 'Failed')
  );
}

async function loadAuthority(certificate: string, key: string): Promise<CertificateAuthority> {
  const { CertificateAuthority } = await import('../certificates/authority.js');
  return CertificateAuthority.load({
    certificate: readFileSync(certificate, 'utf8'),
    key: readFileSync(key, 'utf8'),
  });
}
