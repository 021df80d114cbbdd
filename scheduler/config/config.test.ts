import t from 'tap';
import { selectorFromSet } from '../../pkg/apimachinery/labels.js';
import type { Plugin } from '../framework/interface.js';
import { ProfileError, profilePlugins } from '../framework/profile.js';
import { Cluster, nodeOf, podOf } from '../testing/builders.js';
import { withDefaults } from './defaults.js';
import { ConfigurationError, loadConfiguration } from './load.js';
import { EXTENSION_POINTS, type ExtensionPoint } from './types.js';

const HEAD = 'apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n';
const load = (text: string) => loadConfiguration(Buffer.from(HEAD + text));
const args = (plugin: string, text: string) => `profiles:
- pluginConfig:
  - name: ${plugin}
    args: ${text}
`;

t.test('a file that says nothing has the defaults of Kubernetes', async (t) => {
  t.match(await load(''), {
    parallelism: 16,
    percentageOfNodesToScore: 0,
    podInitialBackoffSeconds: 1,
    podMaxBackoffSeconds: 10,
    leaderElection: { leaderElect: true, leaseDuration: '15s', resourceName: 'kube-scheduler' },
    profiles: [{ schedulerName: 'default-scheduler' }],
    extenders: [],
  });
});

t.test('what is wrong with a file is said in upstream words, all at once', async (t) => {
  for (const [name, text, want] of [
    ['an unknown field', 'foo: 1', /strict decoding error: unknown field "foo"/],
    ['a wrong type', 'parallelism: many', /cannot unmarshal string into Go struct field .*int32/],
    ['another kind', 'kind: Pod', /.*/],
    [
      'ranges',
      'parallelism: 0\npercentageOfNodesToScore: 101\npodInitialBackoffSeconds: 5\npodMaxBackoffSeconds: 1',
      '[parallelism: Invalid value: 0: should be an integer value greater than zero, percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100], podMaxBackoffSeconds: Invalid value: 1: must be greater than or equal to PodInitialBackoffSeconds]',
    ],
    [
      'several profiles need their own names',
      'profiles: [{schedulerName: a}, {schedulerName: a}, {}]',
      '[profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName", profiles[2].schedulerName: Required value]',
    ],
    [
      'one order of the queue for all profiles',
      'profiles: [{schedulerName: a}, {schedulerName: b, plugins: {queueSort: {disabled: [{name: "*"}]}}}]',
      'profiles[1].plugins.queueSort: Invalid value: {"enabled":[],"disabled":[{"name":"*"}]}: must be the same for all profiles',
    ],
    [
      'leader election',
      'leaderElection: {leaseDuration: 5s, renewDeadline: 10s, resourceLock: endpoints}',
      '[leaderElection.leaseDuration: Invalid value: "10s": LeaseDuration must be greater than RenewDeadline, leaderElection.resourceLock: Invalid value: "endpoints": resourceLock value must be "leases"]',
    ],
    [
      'extenders',
      'extenders: [{prioritizeVerb: p, bindVerb: b}, {bindVerb: b, managedResources: [{name: cpu}]}]',
      '[extenders[0].weight: Invalid value: 0: must have a positive weight applied to it, extenders[1].managedResources[0].name: Invalid value: "cpu": is an invalid extended resource name, extenders: Invalid value: "found 2 extenders implementing bind": only one extender can implement bind]',
    ],
    [
      'arguments: an unknown field',
      args('InterPodAffinity', '{weight: 1}'),
      /decoding args for plugin "InterPodAffinity": .*unknown field "weight"/,
    ],
    [
      'arguments: weights of affinity',
      args('InterPodAffinity', '{hardPodAffinityWeight: 200}'),
      'profiles[0].pluginConfig[0].args.hardPodAffinityWeight: Invalid value: 200: not in valid range [0, 100]',
    ],
    [
      'arguments: candidates of preemption',
      args('DefaultPreemption', '{minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0}'),
      /cannot be zero at the same time as minCandidateNodesAbsolute, .*cannot be zero at the same time as minCandidateNodesPercentage/,
    ],
    [
      'arguments: a search for devices that ends before it begins',
      args('DynamicResources', '{filterTimeout: -1s}'),
      'profiles[0].pluginConfig[0].args.filterTimeout: Invalid value: "-1s": must be zero or positive',
    ],
    [
      'arguments: a wait for conditions that nobody has',
      args('DynamicResources', '{bindingTimeout: 1m}'),
      'profiles[0].pluginConfig[0].args.bindingTimeout: Forbidden: DRADeviceBindingConditions or DRAResourceClaimDeviceStatus feature gate is disabled',
    ],
    [
      'arguments: constraints beside the system defaults',
      args(
        'PodTopologySpread',
        '{defaultConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}]}',
      ),
      'profiles[0].pluginConfig[0].args.defaultingType: Invalid value: "System": when .defaultConstraints are not empty',
    ],
    [
      'arguments: a ratio without a shape',
      args('NodeResourcesFit', '{scoringStrategy: {type: RequestedToCapacityRatio}}'),
      'profiles[0].pluginConfig[0].args.scoringStrategy.requestedToCapacityRatio: Required value: must be specified when type is RequestedToCapacityRatio',
    ],
    [
      'arguments: a strategy that there is not',
      args('NodeResourcesFit', '{scoringStrategy: {type: Best}}'),
      'profiles[0].pluginConfig[0].args.scoringStrategy.type: Unsupported value: "Best": supported values: "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"',
    ],
    [
      'arguments: an affinity that says nothing',
      args(
        'NodeAffinity',
        '{addedAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Has}]}]}}}',
      ),
      /addedAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms\[0\].matchExpressions\[0\].operator: Unsupported value: "Has"/,
    ],
  ] as const) {
    await t.rejects(
      load(text),
      typeof want === 'string' ? { message: want } : { message: want },
      name,
    );
    await t.rejects(load(text), ConfigurationError, name);
  }
});

const plugin = (
  name: string,
  ...points: ('filter' | 'score' | 'bind' | 'queueSort')[]
): Plugin => ({
  name,
  ...(points.includes('filter') ? { filter: () => undefined } : {}),
  ...(points.includes('score') ? { score: () => 0 } : {}),
  ...(points.includes('bind') ? { bind: async () => undefined } : {}),
  ...(points.includes('queueSort') ? { queueSort: true } : {}),
});
const REGISTRY = new Map(
  [
    plugin('A', 'filter', 'score'),
    plugin('B', 'filter', 'score'),
    plugin('C', 'filter'),
    plugin('Sort', 'queueSort'),
    plugin('Bind', 'bind'),
  ].map((p) => [p.name, p]),
);
const NEEDED = [{ name: 'Sort' }, { name: 'Bind' }];

t.test('which plugins run where, and in which order', async (t) => {
  const only = (plugins: Parameters<typeof profileOf>[0]) => ({
    ...plugins,
    multiPoint: {
      enabled: [...(plugins.multiPoint?.enabled ?? []), ...NEEDED],
      disabled: [{ name: '*' }],
    },
  });
  const profileOf = (
    plugins: NonNullable<Parameters<typeof withDefaults>[0]['profiles']>[0]['plugins'] & object,
  ) => {
    const [profile] = withDefaults({ profiles: [{ plugins }] }).profiles;
    if (!profile) throw new Error('no profile');
    return profilePlugins('x', profile.plugins, REGISTRY);
  };
  for (const [name, plugins, want] of [
    [
      'multiPoint: wherever they have something',
      { multiPoint: { enabled: [{ name: 'A' }, { name: 'C' }] } },
      { filter: 'A C', score: 'A' },
    ],
    [
      'not where they are disabled',
      {
        multiPoint: { enabled: [{ name: 'A' }, { name: 'B' }] },
        score: { disabled: [{ name: 'A' }] },
      },
      { filter: 'A B', score: 'B' },
    ],
    [
      'nowhere where all are disabled but those named there',
      {
        multiPoint: { enabled: [{ name: 'A' }, { name: 'B' }] },
        filter: { disabled: [{ name: '*' }], enabled: [{ name: 'B' }] },
      },
      { filter: 'B', score: 'A B' },
    ],
    [
      'a point puts some first, and adds its own at the end',
      {
        multiPoint: { enabled: [{ name: 'A' }, { name: 'B' }] },
        filter: { enabled: [{ name: 'C' }, { name: 'B' }] },
      },
      { filter: 'B A C' },
    ],
  ] as const) {
    const { at } = profileOf(only(plugins));
    for (const [point, names] of Object.entries(want))
      t.equal(at[point as ExtensionPoint].map((p) => p.name).join(' '), names, `${name}: ${point}`);
  }
  const weights = profileOf(
    only({
      multiPoint: {
        enabled: [
          { name: 'A', weight: 3 },
          { name: 'B', weight: 4 },
        ],
      },
      score: { enabled: [{ name: 'A', weight: 7 }] },
    }),
  ).weights;
  t.same(
    [weights.get('A'), weights.get('B')],
    [7, 4],
    'the score point has the last word on weights',
  );
  for (const [name, plugins, want] of [
    ['unknown', { multiPoint: { enabled: [{ name: 'X' }] } }, /"X" does not exist/],
    [
      'at a point that it has nothing for',
      { score: { enabled: [{ name: 'C' }] } },
      /plugin "C" does not extend ScorePlugin plugin/,
    ],
    [
      'twice',
      { filter: { enabled: [{ name: 'C' }, { name: 'C' }] } },
      /plugin "C" already registered as "FilterPlugin"/,
    ],
    [
      'no binder',
      { bind: { disabled: [{ name: 'Bind' }] } },
      /at least one bind plugin is needed for profile with scheduler name "x"/,
    ],
  ] as const) {
    t.throws(() => profileOf(only(plugins)), { message: want }, name);
    t.throws(() => profileOf(only(plugins)), ProfileError, name);
  }
  t.equal(Object.keys(profileOf(only({})).at).length, EXTENSION_POINTS.length);
});

t.test('arguments change what plugins decide', async (t) => {
  const filled = [nodeOf('full', { cpu: '4' }), nodeOf('empty', { cpu: '4' })];
  const pods = [{ node: 'full', pod: podOf('x', { requests: { cpu: '2', memory: '4Gi' } }) }];
  const fit = (scoringStrategy: object) => ({
    plugins: { score: { disabled: [{ name: 'NodeResourcesBalancedAllocation' }] } },
    pluginConfig: [{ name: 'NodeResourcesFit', args: { scoringStrategy } } as const],
  });
  const small = podOf('p', { requests: { cpu: '1', memory: '2Gi' } });
  for (const [name, strategy, want] of [
    ['LeastAllocated', { type: 'LeastAllocated' }, 'empty'],
    ['MostAllocated', { type: 'MostAllocated' }, 'full'],
    [
      'RequestedToCapacityRatio',
      {
        type: 'RequestedToCapacityRatio',
        requestedToCapacityRatio: {
          shape: [
            { utilization: 0, score: 0 },
            { utilization: 100, score: 10 },
          ],
        },
      },
      'full',
    ],
  ] as const)
    t.equal(new Cluster(filled, pods, { profile: fit(strategy) }).schedule(small), want, name);

  const device = podOf('p', { requests: { 'example.com/gpu': '1' } });
  const none = new Cluster([nodeOf('a')]);
  t.equal(none.schedule(device), '0/1 nodes are available: 1 Insufficient example.com/gpu.');
  const ignoring = new Cluster([nodeOf('a')], [], {
    profile: {
      pluginConfig: [
        { name: 'NodeResourcesFit', args: { ignoredResourceGroups: ['example.com'] } },
      ],
    },
  });
  t.equal(ignoring.schedule(device), 'a', 'ignored resources are not counted');

  const ssd = { matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] };
  const added = new Cluster([nodeOf('a'), nodeOf('b', { labels: { disk: 'ssd' } })], [], {
    profile: {
      pluginConfig: [
        {
          name: 'NodeAffinity',
          args: {
            addedAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [ssd] },
            },
          },
        },
      ],
    },
  });
  t.equal(added.schedule(podOf('p')), 'b', 'an added affinity holds for every pod');
  t.equal(
    added.schedule(podOf('p', { requests: { cpu: '99' } })),
    "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match scheduler-enforced node affinity.",
  );

  const spread = new Cluster(
    [nodeOf('a', { labels: { zone: '1' } }), nodeOf('b', { labels: { zone: '2' } })],
    [{ node: 'a', pod: podOf('x', { labels: { app: 'web' } }) }],
    {
      defaultSelector: () => selectorFromSet({ app: 'web' }),
      profile: {
        pluginConfig: [
          {
            name: 'PodTopologySpread',
            args: {
              defaultingType: 'List',
              defaultConstraints: [
                { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' },
              ],
            },
          },
        ],
      },
    },
  );
  t.equal(spread.schedule(podOf('p', { labels: { app: 'web' } })), 'b');
});
