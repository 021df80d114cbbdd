/** Rules in CEL that the API server itself checks. */
import type {
  KubernetesObject,
  V1Deployment,
  V1ValidatingAdmissionPolicySpec,
} from '@kubernetes/client-node';
import { type Clause, conditionOf, podTemplate, type World } from '../../support/clause.js';
import { failureOf } from '../../support/kube.js';

interface Policy extends KubernetesObject {
  readonly spec: V1ValidatingAdmissionPolicySpec;
  readonly status?: {
    readonly observedGeneration?: number;
    readonly typeChecking?: { readonly expressionWarnings?: readonly object[] };
  };
}

const GROUP = 'admissionregistration.k8s.io/v1';

/** A policy about new Deployments of the clause's namespace; resolves when it has been checked and is in force. */
async function enforce(w: World, spec: V1ValidatingAdmissionPolicySpec): Promise<void> {
  const name = `${w.namespace}-policy`;
  const policies = w.all<Policy>(GROUP, 'validatingadmissionpolicies');
  const bindings = w.all<KubernetesObject>(GROUP, 'validatingadmissionpolicybindings');
  await policies.create({
    metadata: { name },
    spec: {
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: ['apps'],
            apiVersions: ['v1'],
            operations: ['CREATE'],
            resources: ['deployments'],
          },
        ],
      },
      ...spec,
      validations: [
        ...(spec.validations ?? []),
        { expression: "object.metadata.name != 'marker'", message: 'in force' },
      ],
    },
  });
  w.t.teardown(() => policies.delete(name));
  const checked = await w.until('its types are checked', async () => {
    const found = await policies.get(name);
    return found.status?.typeChecking !== undefined && found;
  });
  w.t.same(checked.status?.typeChecking?.expressionWarnings ?? [], []);
  const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': w.namespace } };
  const binding = {
    metadata: { name },
    spec: { policyName: name, validationActions: ['Deny'], matchResources: { namespaceSelector } },
  };
  await bindings.create(binding);
  w.t.teardown(() => bindings.delete(name));
  await w.until('it is in force', async () => {
    const create = w.deployments.create(deployment('marker', 100), { dryRun: 'All' });
    return create.then(
      () => false,
      () => true,
    );
  });
}

function deployment(name: string, replicas: number): V1Deployment {
  return {
    metadata: { name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: podTemplate(name),
    },
  };
}

async function denies(w: World, replicas: number, why: RegExp): Promise<void> {
  const answer = await failureOf(w.deployments.create(deployment('few', replicas)));
  w.t.match(answer, { code: 422, reason: 'Invalid' });
  w.t.match(answer.message, /ValidatingAdmissionPolicy '\S+' with binding '\S+' denied request: /);
  w.t.match(answer.message, why);
  w.t.equal(await w.deployments.find('few'), undefined);
}

export const admissionPolicies: readonly Clause[] = [
  {
    title:
      '[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should validate against a Deployment [Conformance]',
    run: async (w) => {
      await enforce(w, {
        validations: [
          {
            expression: 'object.spec.replicas > 1',
            messageExpression: "'wants replicas > 1, got ' + string(object.spec.replicas)",
          },
          { expression: 'object.spec.replicas < 100' },
        ],
      });
      await denies(w, 1, /wants replicas > 1, got 1/);
      w.t.ok(await w.deployments.create(deployment('enough', 2)));
      await w.until('its condition', async () =>
        conditionOf(await w.deployments.get('enough'), 'Available'),
      );
    },
  },
  {
    title:
      '[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should allow expressions to refer variables. [Conformance]',
    run: async (w) => {
      await enforce(w, {
        variables: [
          { name: 'replicas', expression: 'object.spec.replicas' },
          { name: 'oddReplicas', expression: 'variables.replicas % 2 == 1' },
        ],
        validations: [
          { expression: 'variables.replicas > 1', message: 'too few' },
          { expression: 'variables.oddReplicas', message: 'not odd' },
        ],
      });
      await denies(w, 1, /too few/);
      await denies(w, 2, /not odd/);
      w.t.ok(await w.deployments.create(deployment('enough', 3)));
    },
  },
];
