/** What the API publishes of custom kinds (OpenAPI), and what kubectl makes of it: validation and explanations. */
import type { Clause, World } from '../../support/clause.js';
import { nameOf } from '../../support/kube.js';
import {
  custom,
  type Definition,
  define,
  definition,
  definitions,
  type Version,
} from './custom.js';
import { BUILT_IN } from './discovery.js';
import { kubectl } from './kubectl.js';

interface Published {
  readonly definitions?: Readonly<Record<string, object>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, object>> };
}

const FOO = {
  description: 'Foo CRD for Testing',
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      description: 'Specification of Foo',
      properties: {
        bars: {
          type: 'array',
          description: 'List of Bars and their specs.',
          items: {
            type: 'object',
            required: ['name'],
            properties: {
              name: { type: 'string', description: 'Name of Bar.' },
              age: { type: 'string', description: 'Age of Bar.' },
              feeling: { type: 'string', enum: ['Great', 'Down'], description: 'How it feels.' },
              bazs: { type: 'array', items: { type: 'string' }, description: 'List of Bazs.' },
            },
          },
        },
      },
    },
  },
};
const WALDO = {
  description: 'Waldo CRD for Testing',
  type: 'object',
  properties: { spec: { description: 'Specification of Waldo', type: 'object' } },
};
const NESTED_TEXT = 'preserve-unknown-properties in nested field for Testing';
const OPEN = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const NESTED = {
  description: NESTED_TEXT,
  type: 'object',
  properties: { spec: { ...OPEN, description: 'Specification of Waldo' } },
};

/** `com.example.clause-3.v1.Widget` in the older document and in that of the version; undefined where it is not. */
async function published(w: World, { spec }: Definition, version: string) {
  const name = [...spec.group.split('.').reverse(), version, spec.names.kind].join('.');
  const old = await w.objects.get<Published>('/openapi/v2');
  type Index = { paths: Record<string, { serverRelativeURL: string }> };
  const { paths } = await w.objects.get<Index>('/openapi/v3');
  const url = paths[`apis/${spec.group}/${version}`]?.serverRelativeURL;
  const own = url === undefined ? {} : await w.objects.get<Published>(url);
  return { v2: old.definitions?.[name], v3: own.components?.schemas?.[name] };
}

/** Both documents hold what the schema says. */
async function shows(w: World, body: Definition, version: string, schema: object): Promise<void> {
  const found = await w.until(`${version} of ${nameOf(body)} is published`, async () => {
    const both = await published(w, body, version);
    return both.v2 !== undefined && both.v3 !== undefined && both;
  });
  for (const each of [found.v2, found.v3]) {
    w.t.match(each, schema);
    w.t.match(each, {
      properties: { apiVersion: { type: 'string' }, kind: { type: 'string' }, metadata: Object },
    });
  }
}

async function hides(w: World, body: Definition, version: string): Promise<void> {
  await w.until(`${version} of ${nameOf(body)} is not published`, async () => {
    const { v2, v3 } = await published(w, body, version);
    return v2 === undefined && v3 === undefined;
  });
}

/** `kubectl explain` needs some moments after the schema is there. */
async function explains(w: World, { spec }: Definition, path: string, wanted: RegExp) {
  const what = `${spec.names.plural}${path}`;
  const text = await w.until(`kubectl explain ${what}`, async () => {
    const found = await kubectl(w, ['explain', what, `--api-version=${spec.group}/v1`]);
    return wanted.test(found) && found;
  });
  w.t.match(text, wanted);
}

async function defined(w: World, versions: readonly Version[], more = {}): Promise<Definition> {
  const body = definition(w, { versions, ...more });
  await define(w, body);
  return body;
}

/** kubectl creates and applies it. */
async function accepts(w: World, body: Definition, fields: object): Promise<void> {
  const input = JSON.stringify(custom(body, 'mine', fields));
  for (const command of ['create', 'apply']) {
    w.t.match(await kubectl(w, `${command} -f -`, { input }), / created\n$/);
    await kubectl(w, ['delete', nameOf(body).replace(/\./, '.v1.'), 'mine']);
  }
}

async function rejects(w: World, body: Definition, fields: object, why: RegExp): Promise<void> {
  const input = JSON.stringify(custom(body, 'mine', fields));
  for (const command of ['create', 'apply']) {
    const args = ['-n', w.namespace, command, '-f', '-'];
    const { code, stderr } = await w.cluster.kubectl(args, { input });
    w.t.equal(code, 1, command);
    w.t.match(stderr, why, command);
  }
}

export const publishedSchemas: readonly Clause[] = [
  {
    title: 'Custom Resource OpenAPI Publish, with validation schema',
    run: async (w) => {
      const body = await defined(w, [{ name: 'v1', schema: FOO }]);
      await shows(w, body, 'v1', FOO);
      await accepts(w, body, { spec: { bars: [{ name: 'bar' }] } });
      const unknown = /unknown field "(spec\.)?foo"/;
      await rejects(w, body, { spec: { foo: true } }, unknown);
      const missing = /spec\.bars\[0\]\.name: Required value|missing required field "name"/;
      await rejects(w, body, { spec: { bars: [{ age: '10' }] } }, missing);
      const enumerated = /Unsupported value: "Odd"/;
      await rejects(w, body, { spec: { bars: [{ name: 'b', feeling: 'Odd' }] } }, enumerated);
      const fields =
        /DESCRIPTION:[\s\S]*Foo CRD for Testing[\s\S]*FIELDS:[\s\S]*apiVersion.*<string>[\s\S]*APIVersion defines[\s\S]*spec.*<Object>[\s\S]*Specification of Foo/;
      await explains(w, body, '', fields);
      await explains(
        w,
        body,
        '.metadata',
        /DESCRIPTION:[\s\S]*Standard object's metadata[\s\S]*FIELDS:[\s\S]*creationTimestamp.*<string>[\s\S]*CreationTimestamp is a timestamp/,
      );
      await explains(
        w,
        body,
        '.spec',
        /DESCRIPTION:[\s\S]*Specification of Foo[\s\S]*FIELDS:[\s\S]*bars.*<\[\]Object>[\s\S]*List of Bars and their specs/,
      );
      await explains(
        w,
        body,
        '.spec.bars',
        /FIELD: *bars.*<\[\]Object>[\s\S]*DESCRIPTION:[\s\S]*List of Bars and their specs[\s\S]*FIELDS:[\s\S]*bazs.*<\[\]string>[\s\S]*List of Bazs[\s\S]*name.*<string>[\s\S]*Name of Bar/,
      );
      const { group } = body.spec;
      const nowhere = ['explain', 'widgets.spec.bars2', `--api-version=${group}/v1`];
      const { code, stderr } = await w.cluster.kubectl(nowhere);
      w.t.equal(code, 1);
      w.t.match(stderr, /field "bars2" does not exist/);
    },
  },
  {
    title: 'Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields in object',
    run: async (w) => {
      const body = await defined(w, [{ name: 'v1' }]);
      await shows(w, body, 'v1', {});
      await accepts(w, body, { a: { b: [{ c: 'd' }] } });
      await explains(w, body, '', /DESCRIPTION:\s*<empty>/);
    },
  },
  {
    title: 'Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields at root',
    run: async (w) => {
      const schema = {
        ...OPEN,
        description: 'preserve-unknown-properties at root for Testing',
        properties: WALDO.properties,
      };
      const body = await defined(w, [{ name: 'v1', schema }]);
      await accepts(w, body, { a: { b: [{ c: 'd' }] } });
      await explains(w, body, '', /KIND: *Widget\n/);
    },
  },
  {
    title:
      'Custom Resource OpenAPI Publish, with x-kubernetes-preserve-unknown-fields in embedded object',
    run: async (w) => {
      const body = await defined(w, [{ name: 'v1', schema: NESTED }]);
      await accepts(w, body, { spec: { b: [{ c: 'd' }] } });
      await explains(w, body, '', new RegExp(`DESCRIPTION:[\\s\\S]*${NESTED_TEXT}`));
    },
  },
  {
    title: 'Custom Resource OpenAPI Publish, varying groups',
    run: async (w) => {
      const foo = await defined(w, [{ name: 'v1', schema: FOO }]);
      const group = `other.${foo.spec.group}`;
      const waldo = await defined(w, [{ name: 'v1beta1', schema: WALDO }], { group });
      await shows(w, waldo, 'v1beta1', WALDO);
      await shows(w, foo, 'v1', FOO);
    },
  },
  {
    title: 'Custom Resource OpenAPI Publish, varying versions',
    run: async (w) => {
      const both = [
        { name: 'v2', schema: FOO },
        { name: 'v3', schema: FOO },
      ];
      const body = await defined(w, both);
      for (const { name, schema } of both) await shows(w, body, name, schema);
      const apart = [
        await defined(w, [{ name: 'v4', schema: FOO }], { plural: 'foos' }),
        await defined(w, [{ name: 'v5', schema: WALDO }], { plural: 'waldos' }),
      ] as const;
      await shows(w, apart[0], 'v4', FOO);
      await shows(w, apart[1], 'v5', WALDO);
    },
  },
  {
    title: 'Custom Resource OpenAPI Publish, varying kinds',
    run: async (w) => {
      const foo = await defined(w, [{ name: 'v6', schema: FOO }], { plural: 'foos' });
      const waldo = await defined(w, [{ name: 'v6', schema: WALDO }], { plural: 'waldos' });
      await shows(w, waldo, 'v6', WALDO);
      await shows(w, foo, 'v6', FOO);
    },
  },
  {
    title: 'Custom Resource OpenAPI Publish, version rename',
    run: async (w) => {
      const body = await defined(w, [
        { name: 'v2', schema: FOO },
        { name: 'v3', schema: FOO },
      ]);
      await shows(w, body, 'v3', FOO);
      const [first, second] = body.spec.versions;
      const versions = [first, { ...second, name: 'v4' }];
      await definitions(w).patch(nameOf(body), { spec: { versions } });
      await shows(w, body, 'v4', FOO);
      await hides(w, body, 'v3');
      await shows(w, body, 'v2', FOO);
    },
  },
  {
    title: 'Custom Resource OpenAPI Publish, stop serving version',
    run: async (w) => {
      const body = await defined(w, [
        { name: 'v5', schema: FOO },
        { name: 'v6', schema: WALDO },
      ]);
      await shows(w, body, 'v5', FOO);
      await shows(w, body, 'v6', WALDO);
      const versions = body.spec.versions.map((version, i) => ({ ...version, served: i === 0 }));
      await definitions(w).patch(nameOf(body), { spec: { versions } });
      await hides(w, body, 'v6');
      await shows(w, body, 'v5', FOO);
    },
  },
  {
    title: 'Aggregated Discovery Interface',
    run: async (w) => {
      const seen = await resourcesOf(w);
      const versions = (await kubectl(w, 'api-versions')).split('\n');
      for (const [groupVersion, resource] of BUILT_IN) {
        w.t.ok(versions.includes(groupVersion), groupVersion);
        // Of a kind in two versions kubectl lists the one that is preferred, and finds the other by its name.
        if (groupVersion === 'autoscaling/v1') {
          await kubectl(w, 'get horizontalpodautoscalers.v1.autoscaling');
          continue;
        }
        w.t.ok(seen.has(`${groupVersion} ${resource}`), `${resource} of ${groupVersion}`);
      }
    },
  },
  {
    title: 'Aggregated Discovery Interface CRDs',
    run: async (w) => {
      const body = await defined(w, [{ name: 'v1' }]);
      await w.until('the client sees it', async () =>
        (await resourcesOf(w)).has(`${body.spec.group}/v1 widgets`),
      );
    },
  },
];

/** `apps/v1 deployments`: what client-go, which asks for the aggregated documents, finds. */
async function resourcesOf(w: World): Promise<Set<string>> {
  const text = await kubectl(w, 'api-resources --no-headers --cached=false');
  const names = text.split('\n').map((line) => {
    const words = line.split(/\s+/);
    const at = words.findIndex((word) => word === 'true' || word === 'false');
    return `${words[at - 1]} ${words[0]}`;
  });
  return new Set(names);
}
