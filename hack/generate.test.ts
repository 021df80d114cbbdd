import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { ENUMS } from '../pkg/api/schema/facts-enums.js';
import { makeDefinitions } from './generate/definitions.js';
import { modelsLibrary, readModels } from './generate/models.js';
import { emitTypes } from './generate/types.js';
import { generate } from './generate.js';

const definitions = makeDefinitions(readModels(modelsLibrary().dir));
const named = (name: string) => definitions.find((definition) => definition.name === name);

t.test('what is up to date is not made again', async (t) => {
  await generate();
  t.equal(await generate(), false);
  t.ok(existsSync('pkg/api/generated/types.ts'));
});

t.test('the definitions are those of v1.35', async (t) => {
  t.notOk('schedulingGroup' in (named('io.k8s.api.core.v1.PodSpec')?.schema.properties ?? {}));
  t.notOk(named('io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicy'));
  t.ok(named('io.k8s.api.resource.v1.ResourceClaim'));
  t.same(named('io.k8s.api.rbac.v1.RoleRef')?.schema.required, ['apiGroup', 'kind', 'name']);
});

t.test('facts join the models', async (t) => {
  const ports = named('io.k8s.api.core.v1.ServiceSpec')?.schema.properties?.['ports'];
  t.match(ports, {
    listType: 'map',
    listMapKeys: ['port', 'protocol'],
    patchMergeKey: 'port',
    patchStrategy: ['merge'],
  });
  const strategy = named('io.k8s.api.apps.v1.DeploymentSpec')?.schema.properties?.['strategy'];
  t.match(strategy, { patchStrategy: ['retainKeys'], zero: 'fill' });
  const text = JSON.stringify(definitions.map(({ schema }) => schema));
  for (const [name, values] of Object.entries(ENUMS)) {
    t.ok(text.includes(JSON.stringify(values)), `${name} is some field's`);
  }
});

t.test('every definition has one type, and clashes are told apart', async (t) => {
  const types = emitTypes(definitions);
  const names = [...types.matchAll(/^export (?:interface|type) (\w+)/gm)].map(([, name]) => name);
  t.equal(new Set(names).size, names.length);
  for (const name of [
    'Event',
    'EventsEvent',
    'HorizontalPodAutoscalerV1',
    'ResourceClaim',
    'CoreResourceClaim',
  ]) {
    t.ok(names.includes(name), name);
  }
  t.match(types, /ports\?: ServicePort\[\];/);
  t.equal(
    readFileSync('pkg/api/generated/types.ts', 'utf8'),
    types,
    'and that is what was written',
  );
});
