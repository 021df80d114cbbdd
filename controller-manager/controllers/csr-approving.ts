/**
 * Approves the client certificates that kubelets ask for, where whoever asks may ask for that
 * (`pkg/controller/certificates/approver`): `create` on certificatesigningrequests/selfnodeclient for a
 * node's own, on certificatesigningrequests/nodeclient for any node's.
 */
import type { CertificateSigningRequest, SubjectAccessReview } from '../../pkg/api/types.js';
import { formatTime, keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import {
  CERTIFICATE_SIGNING_REQUESTS,
  SUBJECT_ACCESS_REVIEWS,
} from '../../pkg/client/resources.js';
import {
  hasCondition,
  KUBELET_CLIENT,
  nodeClientProblem,
  parseRequest,
} from '../certificates/request.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';

const CONCURRENCY = 5;
/** Rights may be given later, but not for ever. */
const MAX_RETRIES = 10;

interface Recognizer {
  readonly subresource: 'selfnodeclient' | 'nodeclient';
  readonly message: string;
}

const SELF: Recognizer = {
  subresource: 'selfnodeclient',
  message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
};
const ANY: Recognizer = {
  subresource: 'nodeclient',
  message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
};

export const csrApproving: ControllerDescriptor = {
  name: 'certificatesigningrequest-approving-controller',
  aliases: ['csrapproving'],
  serviceAccount: 'certificate-controller',
  create: (context) => new CsrApprovingController(context),
};

class CsrApprovingController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly requests: Informer<CertificateSigningRequest>;
  private readonly client: ResourceClient<CertificateSigningRequest>;
  private readonly reviews: ResourceClient<SubjectAccessReview>;

  constructor(private readonly context: ControllerContext) {
    const { client, informers } = context;
    this.queue = new RateLimitingQueue(context.clock);
    this.client = client.resource<CertificateSigningRequest>(CERTIFICATE_SIGNING_REQUESTS);
    this.reviews = client.resource<SubjectAccessReview>(SUBJECT_ACCESS_REVIEWS);
    this.requests = informers.informer<CertificateSigningRequest>(CERTIFICATE_SIGNING_REQUESTS);
    const enqueue = (csr: CertificateSigningRequest) => {
      if (isPending(csr)) this.queue.add(keyOf(csr));
    };
    this.requests.addHandler({ add: enqueue, update: (_, csr) => enqueue(csr) });
  }

  run(signal: AbortSignal): Promise<void> {
    const { context, queue } = this;
    return runSyncLoop(
      {
        context,
        queue,
        concurrency: CONCURRENCY,
        informers: [this.requests],
        sync: (key, stop) => this.sync(key, stop),
        maxRetries: MAX_RETRIES,
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const csr = this.requests.store.get(key);
    if (!csr || !isPending(csr)) return;
    const request = await parseRequest(csr);
    if (nodeClientProblem(request, csr.spec.usages ?? []) !== undefined) return;
    const recognizers = csr.spec.username === request.commonName ? [SELF, ANY] : [ANY];
    for (const { subresource, message } of recognizers) {
      if (!(await this.mayAsk(csr, subresource, signal))) continue;
      await this.approve(csr, message, signal);
      return;
    }
    const tried = recognizers.map(({ subresource }) => subresource).join(' ');
    throw new Error(
      `recognized csr ${JSON.stringify(key)} as [${tried}] but subject access review was not approved`,
    );
  }

  private async mayAsk(
    { spec }: CertificateSigningRequest,
    subresource: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { username: user, uid, groups, extra } = spec;
    const made = await this.reviews.create(
      {
        spec: {
          ...(user === undefined ? {} : { user }),
          ...(uid === undefined ? {} : { uid }),
          ...(groups ? { groups } : {}),
          ...(extra ? { extra } : {}),
          resourceAttributes: {
            group: CERTIFICATE_SIGNING_REQUESTS.group,
            resource: CERTIFICATE_SIGNING_REQUESTS.resource,
            verb: 'create',
            subresource,
            version: '*',
          },
        },
      },
      { signal },
    );
    return made.status?.allowed === true;
  }

  private async approve(
    csr: CertificateSigningRequest,
    message: string,
    signal: AbortSignal,
  ): Promise<void> {
    const time = formatTime(new Date(this.context.clock.now()));
    const approved = {
      type: 'Approved',
      status: 'True',
      reason: 'AutoApproved',
      message,
      lastUpdateTime: time,
      lastTransitionTime: time,
    };
    const conditions = [...(csr.status?.conditions ?? []), approved];
    const next = { ...csr, status: { ...csr.status, conditions } };
    try {
      await this.client.updateSubresource(next, 'approval', { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
}

function isPending(csr: CertificateSigningRequest): boolean {
  return (
    csr.spec.signerName === KUBELET_CLIENT &&
    !csr.status?.certificate &&
    !hasCondition(csr, 'Approved') &&
    !hasCondition(csr, 'Denied')
  );
}
