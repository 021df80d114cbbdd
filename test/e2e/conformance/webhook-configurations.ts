/** Configurations of webhooks as objects: listed, updated, deleted, and with conditions in CEL. */
import type { Clause } from '../../support/clause.js';
import { failureOf, nameOf } from '../../support/kube.js';
import {
  always,
  configurations,
  hooksOf,
  type Kind,
  made,
  refuseOffending,
  removeAfter,
  rule,
  webhook,
} from './webhook-rig.js';

/** Ten configurations are found by their label and work; deleted by it, they work no more. */
function listed(kind: Kind): Clause['run'] {
  return async (w) => {
    const hooks = await hooksOf(w);
    const labels = { of: w.namespace };
    const names = Array.from({ length: 10 }, (_, i) => `${w.namespace}-${i}`);
    for (const [i, name] of names.entries()) {
      const judge = kind === 'mutating' ? always(`by-${i}`) : refuseOffending;
      const clientConfig = hooks.admit(`/${i}`, judge);
      const hook = webhook(w, clientConfig, [rule(['configmaps'], ['CREATE'])]);
      await configurations(w, kind).create({ metadata: { name, labels }, webhooks: [hook] });
      removeAfter(w, kind, name);
    }
    const selector = `of=${w.namespace}`;
    const found = await configurations(w, kind).list(selector);
    w.t.same(found.map(nameOf).sort(), names.sort());
    const isChanged = async () => {
      const answer = made(w, { offends: 'yes' });
      if (kind === 'mutating') return Object.keys(await answer).length === 11;
      const { code } = await answer.then(
        () => ({ code: 201 }),
        () => ({ code: 403 }),
      );
      return code === 403;
    };
    await w.until('they are asked', isChanged);
    await configurations(w, kind).deleteCollection(selector);
    w.t.same(await configurations(w, kind).list(selector), []);
    await w.until('they are asked no more', async () => {
      const result = await made(w, { offends: 'yes' }).catch(() => undefined);
      return result !== undefined && Object.keys(result).length === 1;
    });
  };
}

/** Without CREATE among its rules, by PUT, it leaves new objects alone; with it again, by PATCH, it does not. */
function updated(kind: Kind): Clause['run'] {
  return async (w) => {
    const hooks = await hooksOf(w);
    const clientConfig = hooks.admit('/', kind === 'mutating' ? always('added') : refuseOffending);
    const rules = (operation: string) => [rule(['configmaps'], [operation])];
    const name = `${w.namespace}-${kind}`;
    const hook = webhook(w, clientConfig, rules('CREATE'));
    await configurations(w, kind).create({ metadata: { name }, webhooks: [hook] });
    removeAfter(w, kind, name);
    const isAsked = async () => {
      try {
        return 'added' in (await made(w, { offends: 'yes' }));
      } catch {
        return true;
      }
    };
    await w.until('it is asked', isAsked);
    await w.change(configurations(w, kind), name, (found) => {
      Object.assign(found, { webhooks: [{ ...hook, rules: rules('UPDATE') }] });
    });
    await w.until('it is not asked', async () => !(await isAsked()));
    await configurations(w, kind).patch(name, { webhooks: [hook] });
    await w.until('it is asked again', isAsked);
  };
}

function conditioned(kind: Kind): Clause['run'] {
  return async (w) => {
    const name = `${w.namespace}-${kind}`;
    const matchConditions = [{ name: 'expression-1', expression: "object.kind == 'Pod'" }];
    const hook = webhook(w, { url: 'https://127.0.0.1:1/' }, [rule(['pods'], ['CREATE'])], {
      matchConditions,
      failurePolicy: 'Ignore',
    });
    await configurations(w, kind).create({ metadata: { name }, webhooks: [hook] });
    removeAfter(w, kind, name);
    const stored = async () => (await configurations(w, kind).get(name)).webhooks;
    w.t.match(await stored(), [{ matchConditions }]);
    const more = [
      ...matchConditions,
      { name: 'expression-2', expression: "object.metadata.name != 'x'" },
    ];
    await w.change(configurations(w, kind), name, (found) => {
      Object.assign(found, { webhooks: [{ ...hook, matchConditions: more }] });
    });
    w.t.match(await stored(), [{ matchConditions: more }]);
  };
}

function misconditioned(kind: Kind): Clause['run'] {
  return async (w) => {
    const hook = webhook(w, { url: 'https://127.0.0.1:1/' }, [rule(['pods'], ['CREATE'])], {
      matchConditions: [{ name: 'bad', expression: '...' }],
    });
    const body = { metadata: { name: `${w.namespace}-${kind}` }, webhooks: [hook] };
    const { code, message } = await failureOf(configurations(w, kind).create(body));
    w.t.equal(code, 422);
    w.t.match(message, /compilation failed/);
  };
}

export const webhookConfigurations: readonly Clause[] = [
  { title: 'Admission webhook, list mutating webhooks', run: listed('mutating') },
  { title: 'Admission webhook, list validating webhooks', run: listed('validating') },
  { title: 'Admission webhook, update mutating webhook', run: updated('mutating') },
  { title: 'Admission webhook, update validating webhook', run: updated('validating') },
  {
    title:
      'Mutating Admission webhook, create and update mutating webhook configuration with matchConditions',
    run: conditioned('mutating'),
  },
  {
    title:
      'Validating Admission webhook, create and update validating webhook configuration with matchConditions',
    run: conditioned('validating'),
  },
  {
    title:
      'Mutating Admission webhook, reject mutating webhook configurations with invalid matchConditions',
    run: misconditioned('mutating'),
  },
  {
    title:
      'Validing Admission webhook, reject validating webhook configurations with invalid matchConditions',
    run: misconditioned('validating'),
  },
  {
    title: 'Admission webhook, discovery document',
    run: async (w) => {
      const group = 'admissionregistration.k8s.io';
      const version = { groupVersion: `${group}/v1`, version: 'v1' };
      type Group = { name: string; versions: (typeof version)[] };
      const { groups } = await w.objects.get<{ groups: Group[] }>('/apis');
      w.t.match(groups.find(({ name }) => name === group)?.versions, [version]);
      const found = await w.objects.get<Group>(`/apis/${group}`);
      w.t.match(found, { name: group, versions: [version] });
      type List = { resources: { name: string }[] };
      const { resources } = await w.objects.get<List>(`/apis/${group}/v1`);
      const names = resources.map(({ name }) => name);
      w.t.ok(names.includes('mutatingwebhookconfigurations'));
      w.t.ok(names.includes('validatingwebhookconfigurations'));
    },
  },
];
