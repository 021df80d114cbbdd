/**
 * Writes into the status of a ValidatingAdmissionPolicy what is doubtful about its expressions, given the types
 * of what it is for (`pkg/controller/validatingadmissionpolicystatus`).
 */
import type { ValidatingAdmissionPolicy } from '../../pkg/api/types.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { VALIDATING_ADMISSION_POLICIES } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { KindSchemas } from '../policy/kind-schemas.js';
import { typeCheck } from '../policy/type-check.js';

const NAME = 'validatingadmissionpolicy-status-controller';
const MANAGER = 'validatingadmissionpolicy-status';
const CONCURRENCY = 5;

export const validatingAdmissionPolicyStatus: ControllerDescriptor = {
  name: NAME,
  aliases: ['validatingadmissionpolicy-status'],
  serviceAccount: NAME,
  create: (context) => new ValidatingAdmissionPolicyStatusController(context),
};

class ValidatingAdmissionPolicyStatusController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly policies: Informer<ValidatingAdmissionPolicy>;
  private readonly client: ResourceClient<ValidatingAdmissionPolicy>;

  constructor(private readonly context: ControllerContext) {
    this.queue = new RateLimitingQueue(context.clock);
    this.client = context.client.resource<ValidatingAdmissionPolicy>(VALIDATING_ADMISSION_POLICIES);
    this.policies = context.informers.informer<ValidatingAdmissionPolicy>(
      VALIDATING_ADMISSION_POLICIES,
    );
    const enqueue = (policy: ValidatingAdmissionPolicy) => this.queue.add(keyOf(policy));
    this.policies.addHandler({ add: enqueue, update: (_old, policy) => enqueue(policy) });
  }

  run(signal: AbortSignal): Promise<void> {
    const { queue } = this;
    return runSyncLoop(
      {
        context: this.context,
        queue,
        concurrency: CONCURRENCY,
        informers: [this.policies],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(name: string, signal: AbortSignal): Promise<void> {
    const policy = this.policies.store.get(name);
    if (!policy) return;
    const generation = policy.metadata?.generation ?? 0;
    if ((policy.status?.observedGeneration ?? 0) >= generation) return;
    const expressionWarnings = await typeCheck(
      policy,
      new KindSchemas(this.context.client, signal),
    );
    const typeChecking = expressionWarnings.length > 0 ? { expressionWarnings } : {};
    try {
      await this.client.apply(
        { metadata: { name }, status: { observedGeneration: generation, typeChecking } },
        { fieldManager: MANAGER, force: true, subresource: 'status', signal },
      );
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
}
