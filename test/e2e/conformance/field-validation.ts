/** Fields that are unknown or there twice, in what is created and what is applied. */
import { stringify } from 'yaml';
import type { Clause, World } from '../../support/clause.js';
import { type RawAnswer, statusOf } from '../../support/raw-api.js';
import { ANYTHING, customs, type Definition, define, definition } from './custom.js';
import { rawApi } from './discovery.js';

const TEXT = { type: 'string' };
const PORT = { type: 'integer', format: 'int32' };
const SPEC = {
  type: 'object',
  properties: {
    foo: TEXT,
    cronSpec: { type: 'string', pattern: '^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$' },
    ports: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['containerPort', 'protocol'],
      items: {
        type: 'object',
        required: ['containerPort', 'protocol'],
        properties: {
          containerPort: PORT,
          hostIP: TEXT,
          hostPort: PORT,
          name: TEXT,
          protocol: TEXT,
        },
      },
    },
  },
};
const GOOD = {
  cronSpec: '* * * * */5',
  ports: [{ name: 'x', containerPort: 80, protocol: 'TCP' }],
};

const STRICT = 'fieldManager=clause&fieldValidation=Strict';

function deployment(metadata: string, spec: string): string {
  return `{
    "apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "web", "labels": {"app": "web"}${metadata}},
    "spec": {${spec}
      "selector": {"matchLabels": {"app": "web"}},
      "template": {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "main", "image": "nginx"}]}
      }
    }
  }`;
}

/** Refused, and nothing is there. */
async function refused(w: World, body: string, why: string): Promise<void> {
  const api = await rawApi(w);
  const path = `${w.deployments.path}?${STRICT}`;
  const answer = await api.ask({ method: 'POST', path, body });
  w.t.equal(answer.code, 400);
  w.t.match(statusOf(answer).message, why);
  w.t.equal(await w.deployments.find('web'), undefined);
}

async function defined(w: World, schema: object): Promise<Definition> {
  const body = definition(w, { versions: [{ name: 'v1', schema }] });
  await define(w, body);
  return body;
}

/** Applies YAML as it is written. */
async function apply(w: World, body: Definition, text: string): Promise<RawAnswer> {
  const api = await rawApi(w);
  return api.ask({
    method: 'PATCH',
    path: `${customs(w, body).path}/mine?${STRICT}`,
    headers: { 'content-type': 'application/apply-patch+yaml' },
    body: text,
  });
}

function widget(body: Definition, fields: object): string {
  const { group, names } = body.spec;
  const metadata = { name: 'mine' };
  return stringify({ apiVersion: `${group}/v1`, kind: names.kind, metadata, ...fields });
}

function hasSpec(spec: object): object {
  return { type: 'object', properties: { spec } };
}

export const fieldValidation: readonly Clause[] = [
  {
    title: 'Server side field validation, typed object',
    run: async (w) => {
      const why =
        'strict decoding error: unknown field "spec.unknownField", duplicate field "spec.replicas"';
      const spec = '"unknownField": "foo", "replicas": 2, "replicas": 3,';
      await refused(w, deployment('', spec), why);
    },
  },
  {
    title: 'Server side field validation, typed unknown metadata',
    run: async (w) => {
      const why = 'strict decoding error: unknown field "metadata.unknownMeta"';
      await refused(w, deployment(', "unknownMeta": "foo"', ''), why);
    },
  },
  {
    title: 'Server side field validation, valid CR with validation schema',
    run: async (w) => {
      const body = await defined(w, hasSpec(SPEC));
      const { code, text } = await apply(w, body, widget(body, { spec: { foo: 'foo1', ...GOOD } }));
      w.t.equal(code, 201, text);
      w.t.match((await customs(w, body).get('mine'))['spec'], { foo: 'foo1', ...GOOD });
    },
  },
  {
    title: 'Server side field validation, unknown fields CR no validation schema',
    run: async (w) => {
      const body = await defined(w, ANYTHING);
      const spec = { unknown: 'uk1', ...GOOD };
      const { code, text } = await apply(w, body, widget(body, { spec }));
      w.t.equal(code, 201, text);
      w.t.same((await customs(w, body).get('mine'))['spec'], spec);
    },
  },
  {
    title: 'Server side field validation, unknown fields CR fails validation',
    run: async (w) => {
      const body = await defined(w, hasSpec(SPEC));
      const fields = { unknownField: 'unknown', spec: { foo: 'foo1', ...GOOD } };
      const { code, text } = await apply(w, body, widget(body, fields));
      w.t.ok(code >= 400, text);
      w.t.match(text, '.unknownField: field not declared in schema');
      w.t.equal(await customs(w, body).find('mine'), undefined);
    },
  },
  {
    title: 'Server side field validation, unknown metadata',
    run: async (w) => {
      const template = {
        type: 'object',
        'x-kubernetes-embedded-resource': true,
        properties: {
          metadata: { type: 'object', properties: { name: TEXT } },
          spec: { type: 'object' },
        },
      };
      const properties = { ...SPEC.properties, template };
      const body = await defined(w, hasSpec({ ...SPEC, ...ANYTHING, properties }));
      const embedded = (metadata: object) => ({
        template: { apiVersion: 'foo/v1', kind: 'Sub', metadata: { name: 'sub', ...metadata } },
        ...GOOD,
      });
      const rows = [
        [{ spec: embedded({ unknownSubMeta: 'x' }) }, '.spec.template.metadata.unknownSubMeta'],
        [
          { metadata: { name: 'mine', unknownMeta: 'x' }, spec: embedded({}) },
          '.metadata.unknownMeta',
        ],
      ] as const;
      for (const [fields, path] of rows) {
        const { code, text } = await apply(w, body, widget(body, fields));
        w.t.ok(code >= 400, text);
        w.t.match(text, `${path}: field not declared in schema`);
      }
      w.t.equal(await customs(w, body).find('mine'), undefined);
      const { code, text } = await apply(w, body, widget(body, { spec: embedded({}) }));
      w.t.equal(code, 201, text);
    },
  },
  {
    title: 'Server side field validation, CR duplicates',
    run: async (w) => {
      const body = await defined(w, hasSpec({ ...SPEC, ...ANYTHING }));
      const before = widget(body, { spec: { unknown: 'uk1', ...GOOD } });
      const twice = `${before}  foo: foo1\n  foo: foo2\n`;
      const { code, text } = await apply(w, body, twice);
      w.t.ok(code >= 400, text);
      const line = twice.split('\n').indexOf('  foo: foo2') + 1;
      w.t.match(text, `line ${line}: key \\"foo\\" already set in map`);
      w.t.equal(await customs(w, body).find('mine'), undefined);
    },
  },
];
