/** DaemonSets: which nodes have a pod, updates, and what is left behind and found again. */
import { columns, type Step, type Story } from './story.js';

function setOf(name: string, spec = '', pod = ''): string {
  return `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ${name}}
spec:
  selector: {matchLabels: {app: ${name}}}
  ${spec}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      terminationGracePeriodSeconds: 1
      ${pod}
      containers: [{name: c, image: agent:1}]
`;
}

const rolledOut = (name: string): Step => ({
  run: `rollout status ds/${name} --timeout=60s`,
  prints: [/successfully rolled out/],
});
/** The nodes of the pods, in order. */
const isOn = (...nodes: string[]): Step => ({
  run: ['get', 'pods', '--sort-by=.spec.nodeName', '-o', 'jsonpath={.items[*].spec.nodeName}'],
  prints: [new RegExp(`^${nodes.join(' ')}$`)],
  until: true,
});
const IMAGES = 'get pods -o jsonpath={.items[*].spec.containers[0].image}';

export const daemonSets: readonly Story[] = [
  {
    name: 'ds-nodes',
    title: 'a DaemonSet has a pod on every node that fits, and follows the nodes',
    steps: [
      { run: 'apply -f -', input: setOf('agent'), prints: [/daemonset\.apps\/agent created/] },
      rolledOut('agent'),
      isOn('node-1', 'node-2', 'node-3'),
      {
        run: 'get ds',
        prints: [
          columns(
            'NAME',
            'DESIRED',
            'CURRENT',
            'READY',
            'UP-TO-DATE',
            'AVAILABLE',
            'NODE SELECTOR',
            'AGE',
          ),
          columns('agent', '3', '3', '3', '3', '3', '<none>', '\\d+s'),
        ],
      },
      {
        run: 'describe ds agent',
        prints: [
          /^Desired Number of Nodes Scheduled: 3$/m,
          /^Number of Nodes Scheduled with Available Pods: 3$/m,
          /^Pods Status: +3 Running/m,
          /Normal +SuccessfulCreate .* daemonset-controller +Created pod: agent-\w{5}/,
        ],
        until: true,
      },
      { run: 'taint nodes node-1 maintenance=now:NoSchedule' },
      {
        run: 'get ds agent',
        prints: [columns('agent', '2', '2', '2', '2', '2', '<none>', '\\d+s')],
        until: true,
      },
      isOn('node-1', 'node-2', 'node-3'),
      { run: 'taint nodes node-1 maintenance=now:NoExecute' },
      isOn('node-2', 'node-3'),
      { run: 'taint nodes node-1 maintenance-' },
      isOn('node-1', 'node-2', 'node-3'),
      // One that is cordoned gets it all the same.
      { run: 'cordon node-2' },
      { run: 'delete pod --field-selector spec.nodeName=node-2' },
      isOn('node-1', 'node-2', 'node-3'),
      rolledOut('agent'),
      { run: 'drain node-2', fails: true, says: [/cannot delete DaemonSet-managed Pods/] },
      { run: 'drain node-2 --ignore-daemonsets', prints: [/node\/node-2 drained/] },
      { run: 'uncordon node-2' },
      {
        run: [
          'patch',
          'ds',
          'agent',
          '-p',
          '{"spec":{"template":{"spec":{"nodeSelector":{"disk":"ssd"}}}}}',
        ],
      },
      isOn(),
      { run: 'label node node-3 disk=ssd' },
      isOn('node-3'),
      { run: 'label node node-3 disk-' },
      isOn(),
    ],
  },
  {
    name: 'ds-rollout',
    title: 'kubectl rolls a DaemonSet out, back, and again',
    steps: [
      { run: 'apply -f -', input: setOf('agent') },
      rolledOut('agent'),
      { run: 'set image ds/agent c=agent:2' },
      rolledOut('agent'),
      { run: IMAGES, prints: [/^agent:2 agent:2 agent:2$/] },
      { run: 'rollout history ds/agent', prints: [/^1 /m, /^2 /m] },
      { run: 'rollout history ds/agent --revision=1', prints: [/Image:\s+agent:1/] },
      {
        run: 'rollout undo ds/agent --to-revision=1',
        prints: [/daemonset\.apps\/agent rolled back/],
      },
      rolledOut('agent'),
      { run: IMAGES, prints: [/^agent:1 agent:1 agent:1$/] },
      { run: 'rollout restart ds/agent' },
      rolledOut('agent'),
      {
        run: 'get controllerrevisions',
        prints: [columns('agent-\\w+', 'daemonset.apps/agent', '4', '\\d+s')],
      },
      { run: 'delete ds agent --cascade=orphan' },
      {
        run: ['get', 'pods', '-o', 'jsonpath={.items[*].metadata.ownerReferences}'],
        prints: [/^$/],
        until: true,
      },
      { run: 'apply -f -', input: setOf('agent') },
      rolledOut('agent'),
      {
        run: ['get', 'pods', '-o', 'jsonpath={.items[*].metadata.ownerReferences[*].kind}'],
        prints: [/^DaemonSet DaemonSet DaemonSet$/],
        until: true,
      },
    ],
  },
  {
    name: 'ds-surge',
    title: 'a DaemonSet that may surge brings the new pod first',
    steps: [
      {
        run: 'apply -f -',
        input: setOf('agent', 'updateStrategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}'),
      },
      rolledOut('agent'),
      // It never gets ready: the old ones stay, and one new one is tried beside them.
      {
        run: [
          'patch',
          'ds',
          'agent',
          '-p',
          '{"spec":{"template":{"spec":{"containers":[{"name":"c","readinessProbe":{"exec":{"command":["false"]}}}]}}}}',
        ],
      },
      {
        run: 'get pods -o jsonpath={.items[*].status.containerStatuses[*].ready}',
        prints: [/^\w+ \w+ \w+ \w+$/, /false/, /true.*true.*true/],
        until: true,
      },
      { run: 'rollout undo ds/agent' },
      rolledOut('agent'),
    ],
  },
];
