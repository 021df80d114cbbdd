import t from 'tap';
import type { CustomResourceDefinition, ValidatingAdmissionPolicy } from '../../pkg/api/types.js';
import {
  CUSTOM_RESOURCE_DEFINITIONS,
  VALIDATING_ADMISSION_POLICIES,
} from '../../pkg/client/resources.js';
import { eventually } from '../../test/support/eventually.js';
import { ControlPlane } from '../testing/control-plane.js';

const plane = await ControlPlane.start();
t.teardown(() => plane.stop());
const policies = plane.client.resource<ValidatingAdmissionPolicy>(VALIDATING_ADMISSION_POLICIES);

const rule = (apiGroups: string[], resources: string[]) => ({
  apiGroups,
  apiVersions: ['v1'],
  operations: ['CREATE'],
  resources,
});

function checked(name: string, generation = 1): Promise<ValidatingAdmissionPolicy> {
  return eventually(`${name} is checked`, async () => {
    const policy = await policies.get('', name);
    return policy.status?.observedGeneration === generation && policy;
  });
}

t.test('expressions are checked against the types that the rules name', async (t) => {
  await policies.create({
    metadata: { name: 'typed' },
    spec: {
      matchConstraints: {
        resourceRules: [rule(['apps'], ['deployments', 'replicasets', 'deployments/status'])],
      },
      variables: [{ name: 'n', expression: 'object.spec.replicas' }],
      validations: [
        { expression: 'variables.n > 1', messageExpression: "'only ' + string(variables.n)" },
        { expression: "object.spec.replicas == '5'" },
        { expression: 'object.spec.strategy.type == "Recreate"' },
      ],
    },
  });
  const { status } = await checked('typed');
  const overload = (kind: string) =>
    `apps/v1, Kind=${kind}: ERROR: <input>:1:22: found no matching overload for '_==_' applied to '(int, string)'\n | object.spec.replicas == '5'\n | .....................^\n`;
  t.same(status?.typeChecking?.expressionWarnings, [
    {
      fieldRef: 'spec.validations[1].expression',
      warning: `${overload('Deployment')}\n${overload('ReplicaSet')}`,
    },
    {
      fieldRef: 'spec.validations[2].expression',
      warning: `apps/v1, Kind=ReplicaSet: ERROR: <input>:1:12: undefined field 'strategy'\n | object.spec.strategy.type == "Recreate"\n | ...........^\n`,
    },
  ]);
});

t.test('a policy without doubts, and one that is changed', async (t) => {
  await policies.create({
    metadata: { name: 'clean' },
    spec: {
      matchConstraints: { resourceRules: [rule([''], ['pods'])] },
      validations: [
        {
          expression:
            "object.spec.containers.all(c, c.image.startsWith('r/') && (!has(c.resources.limits) || 'cpu' in c.resources.limits)) && (!has(object.metadata.labels) || object.metadata.labels.app != '')",
        },
      ],
    },
  });
  const clean = await checked('clean');
  t.same(clean.status?.typeChecking, {});
  await policies.patch('', 'clean', 'merge', {
    spec: { validations: [{ expression: 'object.spec.nope == 1' }] },
  });
  const changed = await checked('clean', 2);
  t.match(
    changed.status?.typeChecking?.expressionWarnings?.[0]?.warning,
    /^\/v1, Kind=Pod: ERROR: .*undefined field 'nope'/,
  );
});

t.test('custom kinds have types, too', async (t) => {
  await plane.client.resource<CustomResourceDefinition>(CUSTOM_RESOURCE_DEFINITIONS).create({
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'things', kind: 'Thing' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
            },
          },
        },
      ],
    },
  });
  await eventually('things are served', async () => {
    const { text } = await plane.client.request({ path: '/openapi/v3/apis/example.com/v1' });
    return text.includes('Thing');
  });
  await policies.create({
    metadata: { name: 'things' },
    spec: {
      matchConstraints: { resourceRules: [rule(['example.com'], ['things'])] },
      validations: [{ expression: 'object.spec.size > 1 && object.spec.colour == 1' }],
    },
  });
  const { status } = await checked('things');
  t.match(
    status?.typeChecking?.expressionWarnings?.[0]?.warning,
    /^example.com\/v1, Kind=Thing: ERROR: .*undefined field 'colour'/,
  );
});

t.test('parameters have the type of their kind, or are not there', async (t) => {
  const about = (name: string, kind: string, expression: string) =>
    policies.create({
      metadata: { name },
      spec: {
        paramKind: { apiVersion: 'v1', kind },
        matchConstraints: { resourceRules: [rule([''], ['pods'])] },
        validations: [{ expression }],
      },
    });
  await about('param-typed', 'ConfigMap', "params.data['a'] == 1");
  await about('param-unknown', 'Nothing', "params.a == 'b'");
  const warningOf = async (name: string) =>
    (await checked(name)).status?.typeChecking?.expressionWarnings?.map((each) => each.warning);
  t.same(await warningOf('param-typed'), [
    "/v1, Kind=Pod: ERROR: <input>:1:18: found no matching overload for '_==_' applied to '(string, int)'\n | params.data['a'] == 1\n | .................^\n",
  ]);
  t.same(await warningOf('param-unknown'), [
    "/v1, Kind=Pod: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n | params.a == 'b'\n | ^\n",
  ]);
});
