/** StatefulSets: order, names, updates, scale, claims, and what is left behind and found again. */
import { columns, type Story } from './story.js';

interface Options {
  readonly replicas?: number;
  readonly image?: string;
  readonly command?: string;
  readonly spec?: string;
  readonly mounts?: string;
}

/** With its headless Service. `spec` and `mounts` are further lines in flow style. */
function setOf(name: string, options: Options = {}): string {
  const { replicas = 3, image = 'nginx:1', command, spec = '', mounts = '' } = options;
  return `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {clusterIP: None, selector: {app: ${name}}, ports: [{port: 80, name: web}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ${name}}
spec:
  serviceName: ${name}
  replicas: ${replicas}
  selector: {matchLabels: {app: ${name}}}
  ${spec}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: c
        image: ${image}
        ${command ? `command: [sh, -c, ${JSON.stringify(command)}]` : ''}
        ${mounts}
`;
}

const IMAGES = ['get pods -o', 'jsonpath={.items[*].spec.containers[0].image}'].join(' ');
const rolledOut = (name: string) => ({ run: `rollout status sts/${name} --timeout=60s` });

export const statefulSets: readonly Story[] = [
  {
    name: 'sts-order',
    title: 'a StatefulSet makes its pods in order, each with a name that stays',
    steps: [
      {
        run: 'apply -f -',
        input: setOf('web', { command: 'echo I am $HOSTNAME, $(hostname); sleep 3600' }),
        prints: [/service\/web created/, /statefulset\.apps\/web created/],
      },
      {
        ...rolledOut('web'),
        prints: [/partitioned roll out complete: 3 new pods have been updated\.\.\./],
      },
      {
        run: 'get sts web -o wide',
        prints: [
          columns('NAME', 'READY', 'AGE', 'CONTAINERS', 'IMAGES'),
          columns('web', '3/3', '\\d+s', 'c', 'nginx:1'),
        ],
      },
      {
        run: 'get pods --sort-by=.metadata.name -o name',
        prints: [/^pod\/web-0\npod\/web-1\npod\/web-2\n$/],
      },
      { run: 'logs web-1', prints: [/^I am web-1, web-1$/m] },
      {
        run: 'get pod web-2 --show-labels',
        prints: [
          /app=web,apps\.kubernetes\.io\/pod-index=2,controller-revision-hash=web-\w+,statefulset\.kubernetes\.io\/pod-name=web-2/,
        ],
      },
      {
        run: ['get', 'endpointslices', '-o', 'jsonpath={.items[*].endpoints[*].hostname}'],
        prints: [/web-0/, /web-1/, /web-2/],
        until: true,
      },
      {
        run: 'describe sts web',
        prints: [
          /^Replicas: +3 desired \| 3 total$/m,
          /^Update Strategy: +RollingUpdate$/m,
          /^Pods Status: +3 Running \/ 0 Waiting \/ 0 Succeeded \/ 0 Failed$/m,
          /Normal +SuccessfulCreate .* statefulset-controller +create Pod web-0 in StatefulSet web successful/,
        ],
        until: true,
      },
      { run: 'delete pod web-0', prints: [/pod "web-0" deleted/] },
      { run: 'wait pod/web-0 --for=create --timeout=60s' },
      { run: 'wait pod/web-0 --for=condition=Ready --timeout=60s' },
      { run: 'scale sts web --replicas=1', prints: [/statefulset\.apps\/web scaled/] },
      { run: 'get pods -o name', prints: [/^pod\/web-0\n$/], until: true },
      {
        run: ['patch', 'sts', 'web', '-p', '{"spec":{"serviceName":"other"}}'],
        fails: true,
        says: [
          /Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden/,
        ],
      },
    ],
  },
  {
    name: 'sts-rollout',
    title: 'kubectl rolls a StatefulSet out, back, and again',
    steps: [
      { run: 'apply -f -', input: setOf('web', { replicas: 2 }) },
      rolledOut('web'),
      { run: 'set image sts/web c=nginx:2' },
      rolledOut('web'),
      { run: IMAGES, prints: [/^nginx:2 nginx:2$/] },
      {
        run: 'rollout history sts/web',
        prints: [columns('REVISION', 'CHANGE-CAUSE'), /^1 /m, /^2 /m],
      },
      {
        run: 'rollout history sts/web --revision=1',
        prints: [/with revision #1/, /Image:\s+nginx:1/],
      },
      { run: 'rollout undo sts/web', prints: [/statefulset\.apps\/web rolled back/] },
      rolledOut('web'),
      { run: IMAGES, prints: [/^nginx:1 nginx:1$/] },
      {
        run: 'rollout undo sts/web --to-revision=3',
        prints: [/skipped rollback \(current template already matches revision 3\)/],
      },
      { run: 'rollout restart sts/web', prints: [/statefulset\.apps\/web restarted/] },
      rolledOut('web'),
      {
        run: 'get controllerrevisions',
        prints: [columns('web-\\w+', 'statefulset.apps/web', '4', '\\d+s')],
      },
      { run: 'rollout pause sts/web', fails: true, says: [/pausing is not supported/] },
      // A canary: only what is at or above the partition.
      {
        run: [
          'patch',
          'sts',
          'web',
          '-p',
          '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":1}}}}',
        ],
      },
      { run: 'set image sts/web c=nginx:3' },
      {
        ...rolledOut('web'),
        prints: [/partitioned roll out complete: 1 new pods have been updated/],
      },
      { run: IMAGES, prints: [/^nginx:1 nginx:3$/] },
    ],
  },
  {
    name: 'sts-parallel',
    title: 'a parallel StatefulSet waits for nobody',
    steps: [
      {
        run: 'apply -f -',
        input: setOf('par', {
          spec: 'podManagementPolicy: Parallel\n  ordinals: {start: 3}',
          command: 'false',
        }),
      },
      {
        run: 'get pods --sort-by=.metadata.name -o name',
        prints: [/^pod\/par-3\npod\/par-4\npod\/par-5\n$/],
        until: true,
      },
      {
        run: [
          'patch',
          'sts',
          'par',
          '--type=json',
          '-p',
          '[{"op":"remove","path":"/spec/template/spec/containers/0/command"}]',
        ],
      },
      rolledOut('par'),
    ],
  },
  {
    name: 'sts-orphans',
    title: 'pods that a StatefulSet leaves behind are adopted by the next',
    steps: [
      { run: 'apply -f -', input: setOf('web', { replicas: 2 }) },
      rolledOut('web'),
      { run: 'delete sts web --cascade=orphan', prints: [/statefulset\.apps "web" deleted/] },
      {
        run: ['get', 'pods', '-o', 'jsonpath={.items[*].metadata.ownerReferences}'],
        prints: [/^$/],
        until: true,
      },
      { run: 'get pods -o name', prints: [/^pod\/web-0\npod\/web-1\n$/] },
      { run: 'apply -f -', input: setOf('web', { replicas: 2 }) },
      rolledOut('web'),
      {
        run: ['get', 'pods', '-o', 'jsonpath={.items[*].metadata.ownerReferences[*].kind}'],
        prints: [/^StatefulSet StatefulSet$/],
      },
      { run: 'get controllerrevisions -o name', prints: [/^controllerrevision\.apps\/web-\w+\n$/] },
      { run: 'get events --field-selector reason=Killing', omits: [/web-/] },
    ],
  },
  {
    name: 'sts-claims',
    title: 'a StatefulSet makes a claim for each pod, and removes it where it is told to',
    steps: [
      {
        run: 'apply -f -',
        input: setOf('db', {
          spec: `podManagementPolicy: Parallel
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete}
  volumeClaimTemplates: [{metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]`,
          replicas: 2,
          mounts: 'volumeMounts: [{name: data, mountPath: /data}]',
        }),
      },
      {
        run: 'get pvc -o name',
        prints: [/^persistentvolumeclaim\/data-db-0\npersistentvolumeclaim\/data-db-1\n$/],
        until: true,
      },
      {
        run: ['get', 'pod', 'db-1', '-o', 'jsonpath={.spec.volumes[0]}'],
        prints: [/"persistentVolumeClaim":\{"claimName":"data-db-1"\}/],
      },
      {
        run: ['get', 'pvc', 'data-db-0', '-o', 'jsonpath={.metadata.ownerReferences[*].kind}'],
        prints: [/^StatefulSet$/],
        until: true,
      },
      rolledOut('db'),
      { run: 'get pvc', prints: [/^data-db-0 +Bound /m, /^data-db-1 +Bound /m] },
      { run: 'scale sts db --replicas=1' },
      { run: 'get pods -o name', prints: [/^pod\/db-0\n$/], until: true },
      { run: 'get pvc data-db-1', prints: [/Bound/] },
      {
        run: [
          'patch',
          'sts',
          'db',
          '-p',
          '{"spec":{"replicas":2,"persistentVolumeClaimRetentionPolicy":{"whenScaled":"Delete"}}}',
        ],
      },
      rolledOut('db'),
      { run: 'scale sts db --replicas=1' },
      { run: 'get pvc -o name', prints: [/^persistentvolumeclaim\/data-db-0\n$/], until: true },
      { run: 'scale sts db --replicas=2' },
      rolledOut('db'),
      { run: 'delete sts db', prints: [/deleted/] },
      { run: 'get pvc -o name', prints: [/^$/], until: true },
      {
        run: 'apply -f -',
        input: setOf('bad', { mounts: 'volumeMounts: [{name: nowhere, mountPath: /x}]' }),
        fails: true,
        says: [
          /The StatefulSet "bad" is invalid: spec\.template\.spec\.containers\[0\]\.volumeMounts\[0\]\.name: Not found: "nowhere"/,
        ],
      },
    ],
  },
  {
    name: 'sts-quota',
    title: 'what a StatefulSet may not create, it says',
    steps: [
      { run: 'create quota small --hard=pods=1' },
      {
        run: ['get', 'quota', 'small', '-o', 'jsonpath={.status.hard.pods}'],
        prints: [/^1$/],
        until: true,
      },
      { run: 'apply -f -', input: setOf('web', { replicas: 2 }) },
      {
        run: 'describe sts web',
        prints: [
          /Warning +FailedCreate .* create Pod web-1 in StatefulSet web failed error: pods "web-1" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1/,
        ],
        until: true,
      },
      { run: 'delete quota small' },
      rolledOut('web'),
    ],
  },
];
