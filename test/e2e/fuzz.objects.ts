/**
 * Requests about real objects of every built-in kind, at their own endpoints, with one or two things changed:
 * a field, a query, the form of the body. Most get as far as validation or the store.
 */
import type { SchemaSet } from '../../pkg/api/schema/model.js';
import type { RawRequest } from '../support/raw-api.js';
import { encoded, pathsIn } from './fuzz.bodies.js';
import type { Target } from './fuzz.targets.js';
import { mutate, type Random, valueFor } from './fuzz.values.js';

/** `fuzz-0` and so on: few, so that many meet what another one made. */
export const NEW_NAMES = 8;

export function deepRequest(
  targets: readonly [Target, ...Target[]],
  schemas: SchemaSet,
  random: Random,
): RawRequest {
  const target = random.one(targets);
  const { name } = target.object.metadata;
  const change = (): object => {
    let obj: unknown = target.object;
    const changes = random.one([0, 1, 1, 1, 2, 4]);
    for (let i = 0; i < changes; i++) obj = mutate(obj, target.schema, schemas, random);
    return obj as object;
  };
  const named = (obj: object) => ({
    ...obj,
    metadata: { ...target.object.metadata, name: newName(random) },
  });
  const one = `${target.path}/${random.chance(0.97) ? name : newName(random)}`;
  const dice = random.next();
  if (dice < 0.22) {
    const body = random.chance(0.7) ? named(change()) : change();
    return write('POST', target.path, body, target, random);
  }
  if (dice < 0.4) return write('PUT', one, change(), target, random);
  if (dice < 0.75) return patchOf(one, change(), target, schemas, random);
  if (dice < 0.86) return read(random.chance(0.5) ? target.path : one, random);
  if (dice < 0.9) return remove(target, random);
  const sub = random.one(target.subresources) ?? 'status';
  const path = `${one}/${sub}`;
  const body = sub === 'status' ? change() : subresourceBody(sub, name, random);
  if (random.chance(0.2)) return read(path, random);
  if (sub === 'status' || sub === 'scale' || sub === 'resize' || sub === 'ephemeralcontainers')
    return random.chance(0.5)
      ? write('PUT', path, body, target, random)
      : patchOf(path, body, target, schemas, random);
  return write('POST', path, body, target, random);
}

function newName(random: Random): string {
  return `fuzz-${random.below(NEW_NAMES)}`;
}

/** A number of pods that would keep the cluster busy for an hour. */
const MANY = /"(replicas|parallelism|completions|minReplicas|maxReplicas)":("|)[\d.e+]{2,}/;

function write(
  method: 'POST' | 'PUT',
  path: string,
  body: object,
  target: Target,
  random: Random,
): RawRequest {
  return {
    method,
    path: `${path}${writeQuery(body, target, random)}`,
    ...encoded(body, '', random),
  };
}

/** Of the four kinds; json-patch aims at what is there. */
function patchOf(
  path: string,
  changed: object,
  target: Target,
  schemas: SchemaSet,
  random: Random,
): RawRequest {
  const type = random.one(['merge', 'strategic', 'json', 'apply', 'apply'] as const);
  const query = writeQuery(changed, target, random, type === 'apply');
  const send = (body: unknown, mime: string) => ({
    method: 'PATCH',
    path: `${path}${query}`,
    ...encoded(body, mime, random),
  });
  if (type === 'apply') return send(changed, 'application/apply-patch+yaml');
  if (type === 'json') {
    const paths = pathsIn(target.object);
    const operations = Array.from({ length: 1 + random.below(3) }, () => {
      const at = random.one(paths) ?? '';
      return {
        op: random.one(['add', 'replace', 'remove', 'test', 'move', 'copy', 'nothing']),
        path: random.one([at, at, at, `${at}/-`, `${at}/0`, `${at}/none`, `${at}~`, at.slice(1)]),
        from: random.one(paths),
        value: random.chance(0.5)
          ? valueFor(target.schema, schemas, random, 2)
          : random.one([1, 'a', null, []]),
      };
    });
    return send(operations, 'application/json-patch+json');
  }
  const { apiVersion: _a, kind: _k, ...rest } = changed as { apiVersion?: string; kind?: string };
  const body = random.chance(0.2)
    ? {
        ...rest,
        ...random.one([
          { $patch: 'delete' },
          { $patch: 'x' },
          { $retainKeys: ['spec'] },
          { '$setElementOrder/x': [1] },
          { '$deleteFromPrimitiveList/metadata': 'a' },
          { metadata: { '$setElementOrder/finalizers': [{}] } },
        ]),
      }
    : rest;
  return send(
    body,
    type === 'merge' ? 'application/merge-patch+json' : 'application/strategic-merge-patch+json',
  );
}

function remove(target: Target, random: Random): RawRequest {
  const options = {
    apiVersion: random.one(['v1', 'meta.k8s.io/v1', 'v2']),
    kind: 'DeleteOptions',
    ...random.one<object>([
      ...[
        {},
        { gracePeriodSeconds: -1 },
        { gracePeriodSeconds: 2 ** 40 },
        { propagationPolicy: 'Orphan' },
      ],
      ...[{ propagationPolicy: 'x' }, { orphanDependents: true, propagationPolicy: 'Foreground' }],
      ...[
        { preconditions: { uid: 'x' } },
        { preconditions: { resourceVersion: '1' } },
        { preconditions: [] },
      ],
      ...[{ dryRun: ['All'] }, { dryRun: 'All' }, { dryRun: ['x'] }, { unknown: 1 }],
    ]),
  };
  // A whole collection is only ever told what would go.
  const all = random.chance(0.3);
  const path = all ? target.path : `${target.path}/${newName(random)}`;
  const query = [
    ...(all || !target.harmless ? ['dryRun=All'] : []),
    ...(random.chance(0.3)
      ? [`propagationPolicy=${random.one(['Background', 'Orphan', 'x', ''])}`]
      : []),
    ...(random.chance(0.3) ? [`gracePeriodSeconds=${random.one(NUMBERS)}`] : []),
    ...(random.chance(0.3) ? [`labelSelector=${encodeURIComponent(random.one(SELECTORS))}`] : []),
  ];
  return {
    method: 'DELETE',
    path: `${path}?${query.join('&')}`,
    ...(random.chance(0.7) ? encoded(options, '', random) : {}),
  };
}

function subresourceBody(sub: string, name: string, random: Random): object {
  switch (sub) {
    case 'scale':
      return {
        apiVersion: 'autoscaling/v1',
        kind: 'Scale',
        metadata: { name },
        spec: { replicas: random.one<unknown>([0, 1, -1, 1.5, '1', null, 2 ** 33]) },
      };
    case 'eviction':
      return {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: random.one([name, 'x', '']) },
        deleteOptions: { dryRun: ['All'] },
      };
    case 'binding':
      return {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { name },
        target: random.one<unknown>([
          {},
          null,
          { kind: 'Node' },
          { kind: 'Node', name: 'none' },
          { kind: 'Pod', name: 'x' },
        ]),
      };
    case 'token':
      return {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: random.one<unknown>([
          {},
          null,
          { expirationSeconds: 1 },
          { expirationSeconds: 2 ** 40 },
          { audiences: [''] },
          { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'none' } },
        ]),
      };
    default:
      return {
        metadata: { name },
        spec: random.one<unknown>([{}, null, { containers: [] }, { ephemeralContainers: [{}] }]),
      };
  }
}

const NUMBERS = [
  '0',
  '1',
  '5',
  '-1',
  '1.5',
  'x',
  '',
  '9223372036854775807',
  '9223372036854775808',
] as const;
const SELECTORS = [
  ...[
    'fuzz=x',
    'fuzz',
    '!fuzz',
    'fuzz in (x,y)',
    'fuzz notin ()',
    'a=b,c!=d',
    'a==',
    ',',
    '(',
    'a=b=c',
  ],
  ...['fuzz>1', 'fuzz<x', `${'a'.repeat(64)}=b`, 'a/b/c=d', '=', ' '],
] as const;
const FIELD_SELECTORS = [
  ...['metadata.name=have', 'metadata.name!=have', 'metadata.namespace=x', 'status.phase=Running'],
  ...[
    'spec.nodeName=',
    'spec.nothing=1',
    'metadata.name',
    '=',
    'a\\=b=c',
    'metadata.name==have,type=x',
  ],
] as const;

function writeQuery(body: object, target: Target, random: Random, apply = false): string {
  const said: string[] = [];
  if (!target.harmless || MANY.test(JSON.stringify(body))) said.push('dryRun=All');
  else if (random.chance(0.3)) said.push(`dryRun=${random.one(['All', 'All', 'All', 'x', ''])}`);
  if (apply ? random.chance(0.95) : random.chance(0.2))
    said.push(`fieldManager=${random.one(['m', 'm', 'n', 'n', 'x'.repeat(129), '%07', ''])}`);
  if (apply && random.chance(0.5)) said.push(`force=${random.one(['true', 'true', 'false', 'x'])}`);
  if (random.chance(0.4))
    said.push(`fieldValidation=${random.one(['Strict', 'Warn', 'Ignore', 'x', ''])}`);
  return said.length === 0 ? '' : `?${said.join('&')}`;
}

function read(path: string, random: Random): RawRequest {
  const one = <T>(chance: number, name: string, values: readonly [T, ...T[]]) =>
    random.chance(chance) ? [`${name}=${encodeURIComponent(String(random.one(values)))}`] : [];
  const query = [
    ...one(0.3, 'limit', NUMBERS),
    ...one(0.3, 'labelSelector', SELECTORS),
    ...one(0.3, 'fieldSelector', FIELD_SELECTORS),
    ...one(0.2, 'resourceVersion', NUMBERS),
    ...one(0.2, 'resourceVersionMatch', ['Exact', 'NotOlderThan', 'x', '']),
    ...one(0.1, 'continue', [
      'x',
      'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhIn0',
      '%00',
    ]),
    ...one(0.1, 'timeoutSeconds', NUMBERS),
    ...one(0.05, 'sendInitialEvents', ['true', 'false', 'x']),
    ...one(0.05, 'pretty', ['true', 'x']),
    ...(random.chance(0.04) ? ['watch=true', 'timeoutSeconds=1'] : []),
  ];
  const accept = random.one([
    ...(['application/json', 'application/json', 'application/yaml', '*/*'] as const),
    ...([
      'application/vnd.kubernetes.protobuf',
      'application/json;as=Table;v=v1;g=meta.k8s.io',
    ] as const),
    'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json',
  ] as const);
  return { path: `${path}?${query.join('&')}`, headers: { ...(accept ? { accept } : {}) } };
}
