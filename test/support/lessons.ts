/**
 * A lesson: manifests by others that are applied together, and what a cluster must make of them in the end, in the words
 * of kubectl's own columns.
 *
 *   Deployment/web: 3/3                        READY
 *   Pod/web-*: 1/1 Running                     READY STATUS; every pod whose name begins so, and at least one
 *   Pod/probed: 1/1 Running, restarted         RESTARTS is not 0
 *   Service/web: ClusterIP, 3 ready            TYPE, and the addresses that traffic would go to
 *   Pod/huge: refused: exceeded quota          part of the API's answer
 *   ConfigMap/settings: taken                  kinds that have no state to come to
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { eventually } from './eventually.js';
import type { RawApi } from './raw-api.js';
import { statusOf } from './raw-api.js';

export interface Lesson {
  /** Relative to the folder of the manifests, in the order in which a reader applies them. */
  readonly files: readonly string[];
  readonly comesTo: readonly string[];
  /** It changes what all others need, and so comes after them. */
  readonly last?: boolean;
}

interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name?: string; generateName?: string; namespace?: string };
  spec?: { ports?: { nodePort?: number }[]; storageClassName?: string };
}

interface Kind {
  readonly path: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

/** Kind → the columns that say what became of an object. */
const COLUMNS: Readonly<Record<string, (cell: (column: string) => string) => string>> = {
  Pod: (cell) => {
    const restarted = cell('Status') === 'Running' && !cell('Restarts').startsWith('0');
    return `${cell('Ready')} ${cell('Status')}${restarted ? ', restarted' : ''}`;
  },
  Deployment: (cell) => cell('Ready'),
  StatefulSet: (cell) => cell('Ready'),
  ReplicaSet: (cell) => `${cell('Ready')}/${cell('Desired')}`,
  ReplicationController: (cell) => `${cell('Ready')}/${cell('Desired')}`,
  DaemonSet: (cell) => `${cell('Ready')}/${cell('Desired')}`,
  Job: (cell) => `${cell('Status')} ${cell('Completions')}`,
  CronJob: (cell) => `${cell('Schedule')} suspend=${cell('Suspend')}`,
  PersistentVolumeClaim: (cell) => cell('Status'),
  PersistentVolume: (cell) => cell('Status'),
  HorizontalPodAutoscaler: (cell) => `${cell('Targets')} replicas=${cell('Replicas')}`,
  Service: (cell) => cell('Type'),
  Ingress: (cell) => cell('Hosts'),
  PodDisruptionBudget: (cell) => `allowed=${cell('Allowed Disruptions')}`,
  Namespace: (cell) => cell('Status'),
};

const FIELD_MANAGER = 'kubectl';

/** The API as the lessons need it: any kind by its name. */
export class Classroom {
  private readonly kinds = new Map<string, Kind>();
  /** Paths of objects that were there before the lesson that applies them, and stay. */
  private readonly found = new Set<string>();

  private constructor(
    private readonly api: RawApi,
    private readonly folder: string,
  ) {}

  static async open(api: RawApi, folder: string): Promise<Classroom> {
    const room = new Classroom(api, folder);
    for (const root of ['/api', '/apis']) {
      const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
      const { text } = await api.ask({ path: root, headers: { accept } });
      for (const group of JSON.parse(text).items) {
        const name: string | undefined = group.metadata.name;
        for (const { version, resources } of group.versions) {
          const path = name ? `/apis/${name}/${version}` : `/api/${version}`;
          const apiVersion = name ? `${name}/${version}` : version;
          for (const { resource, scope, responseKind } of resources ?? []) {
            room.kinds.set(`${apiVersion} ${responseKind.kind}`, {
              path,
              plural: resource,
              namespaced: scope === 'Namespaced',
            });
          }
        }
      }
    }
    return room;
  }

  manifests({ files }: Lesson): Manifest[] {
    return files.flatMap((file) =>
      parseAllDocuments(readFileSync(join(this.folder, file), 'utf8'), { version: '1.1' })
        .map((document) => document.toJS())
        .filter((object) => object?.kind !== undefined)
        .map((object): Manifest => ({ metadata: {}, ...object })),
    );
  }

  /** What no two lessons can have at the same time: what is outside of the lesson's own namespace, and node ports. */
  claims(lesson: Lesson): string[] {
    return this.manifests(lesson).flatMap((object) => {
      const { kind, metadata } = object;
      const isShared = metadata.namespace !== undefined || !this.kindOf(object)?.namespaced;
      const ports = (object.spec?.ports ?? []).flatMap(({ nodePort }) => nodePort ?? []);
      const isVolume = kind === 'PersistentVolume' || kind === 'PersistentVolumeClaim';
      return [
        // Any claim of its class may take a volume.
        ...(isVolume ? [`volumes of class ${object.spec?.storageClassName ?? ''}`] : []),
        ...(isShared ? [`${kind} ${metadata.namespace ?? ''}/${metadata.name}`] : []),
        ...ports.map((port) => `node port ${port}`),
      ];
    });
  }

  /** Applies all of a lesson; resolves to what the API said to each object, '' for one that it took. */
  async apply(lesson: Lesson, namespace: string): Promise<Map<string, string>> {
    const objects = this.manifests(lesson);
    const made = new Set(
      objects.filter(({ kind }) => kind === 'Namespace').map(({ metadata }) => metadata.name),
    );
    const wanted = new Set([namespace, ...objects.map(({ metadata }) => metadata.namespace ?? '')]);
    for (const name of wanted) if (name !== '' && !made.has(name)) await this.makeNamespace(name);
    const said = new Map<string, string>();
    // As kubectl does: namespaces before what goes into them.
    const inOrder = [
      ...objects.filter(({ kind }) => kind === 'Namespace'),
      ...objects.filter(({ kind }) => kind !== 'Namespace'),
    ];
    for (const object of inOrder) {
      said.set(`${object.kind}/${object.metadata.name}`, await this.applyOne(object, namespace));
      if (object.kind === 'Namespace') await this.makeNamespace(object.metadata.name ?? '');
      if (object.kind === 'ResourceQuota') await this.untilCounted(object, namespace);
    }
    return said;
  }

  /** Deletes what a lesson made and waits until the names are free again. */
  async clear(lessons: readonly { lesson: Lesson; namespace: string }[]): Promise<void> {
    const paths = new Set<string>();
    for (const { lesson, namespace } of lessons) {
      paths.add(`/api/v1/namespaces/${namespace}`);
      for (const object of this.manifests(lesson)) {
        const { namespace: own, name } = object.metadata;
        const isShared = own !== undefined || !this.kindOf(object)?.namespaced;
        const path = this.pathOf(object, own ?? namespace);
        if (isShared && name && !this.found.has(path)) paths.add(path);
      }
    }
    for (const path of paths) await this.api.ask({ method: 'DELETE', path });
    await eventually(
      'everything is gone',
      async () => {
        for (const path of paths) {
          if (path.startsWith('/api/v1/namespaces/lesson-')) continue;
          if ((await this.api.ask({ path })).code !== 404)
            throw new Error(`${path} is still there`);
        }
        return true;
      },
      60_000,
    );
  }

  /** Namespace → `Kind/name` → what it has come to, of every kind that has a state to come to. */
  async states(): Promise<Map<string, Map<string, string>>> {
    const states = new Map<string, Map<string, string>>();
    const ready = await this.readyAddresses();
    for (const [id, kind] of this.kinds) {
      const name = id.split(' ')[1] ?? '';
      const describe = COLUMNS[name];
      if (!describe || id.startsWith('extensions/') || id.startsWith('autoscaling/v1 ')) continue;
      const { columnDefinitions, rows } = await this.table(`${kind.path}/${kind.plural}`);
      const places = new Map(columnDefinitions.map(({ name: column }, place) => [column, place]));
      for (const { cells, object } of rows ?? []) {
        const { namespace = '', name: objectName } = object.metadata;
        let state = describe((column) => String(cells[places.get(column) ?? -1]));
        if (name === 'Service' && state !== 'ExternalName')
          state += `, ${ready.get(`${namespace}/${objectName}`) ?? 0} ready`;
        const here = states.get(namespace) ?? new Map<string, string>();
        here.set(`${name}/${objectName}`, state);
        states.set(namespace, here);
      }
    }
    return states;
  }

  namespaceOf(lesson: Lesson, id: string, own: string): string {
    const [kind, name = ''] = id.split('/');
    const object = this.manifests(lesson).find(
      (each) => each.kind === kind && (name.endsWith('*') ? true : each.metadata.name === name),
    );
    if (object && !this.kindOf(object)?.namespaced) return '';
    const shared = this.manifests(lesson).find(({ metadata }) => metadata.namespace !== undefined);
    return object?.metadata.namespace ?? (object ? own : (shared?.metadata.namespace ?? own));
  }

  private async table(path: string): Promise<{
    columnDefinitions: { name: string }[];
    rows?: { cells: unknown[]; object: { metadata: { namespace?: string; name: string } } }[];
  }> {
    const headers = { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' };
    return JSON.parse((await this.api.ask({ path, headers })).text);
  }

  private async readyAddresses(): Promise<Map<string, number>> {
    const { text } = await this.api.ask({ path: '/apis/discovery.k8s.io/v1/endpointslices' });
    const counts = new Map<string, number>();
    for (const { metadata, endpoints } of JSON.parse(text).items) {
      const key = `${metadata.namespace}/${metadata.labels?.['kubernetes.io/service-name']}`;
      const here = (endpoints ?? []).filter(
        (endpoint: { conditions?: { ready?: boolean } }) => endpoint.conditions?.ready !== false,
      );
      counts.set(key, (counts.get(key) ?? 0) + here.length);
    }
    return counts;
  }

  private async applyOne(object: Manifest, namespace: string): Promise<string> {
    if (!this.kindOf(object)) {
      return `no matches for kind "${object.kind}" in version "${object.apiVersion}"`;
    }
    const path = this.pathOf(object, namespace);
    if ((await this.api.ask({ path })).code === 200) this.found.add(path);
    const answer = await this.api.ask({
      method: 'PATCH',
      path: `${path}?fieldManager=${FIELD_MANAGER}&force=true&fieldValidation=Strict`,
      headers: { 'content-type': 'application/apply-patch+yaml' },
      body: object,
    });
    return answer.code < 300 ? '' : (statusOf(answer).message ?? answer.text);
  }

  /** Resolves once pods can be made in it. */
  private async makeNamespace(name: string): Promise<void> {
    const path = `/api/v1/namespaces/${name}`;
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    await this.api.ask({ method: 'POST', path: '/api/v1/namespaces', body });
    await eventually(`${name} has its ServiceAccount`, async () => {
      return (await this.api.ask({ path: `${path}/serviceaccounts/default` })).code === 200;
    });
  }

  /** A quota limits nothing before its status says what is used. */
  private async untilCounted(quota: Manifest, namespace: string): Promise<void> {
    const path = this.pathOf(quota, namespace);
    await eventually(`${quota.metadata.name} is counted`, async () => {
      const { code, text } = await this.api.ask({ path });
      return code !== 200 || JSON.parse(text).status?.hard !== undefined;
    });
  }

  private kindOf({ apiVersion, kind }: Manifest): Kind | undefined {
    return this.kinds.get(`${apiVersion} ${kind}`);
  }

  private pathOf(object: Manifest, namespace: string): string {
    const kind = this.kindOf(object);
    if (!kind) return '/nowhere';
    const folder = kind.namespaced ? `/namespaces/${object.metadata.namespace ?? namespace}` : '';
    const name = encodeURIComponent(object.metadata.name ?? '');
    return `${kind.path}${folder}/${kind.plural}/${name}`;
  }
}
