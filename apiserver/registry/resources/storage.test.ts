/** Volumes, claims and their classes: what is refused, what is taken with a warning, what is filled in. */
import t from 'tap';
import {
  created,
  createFaults,
  createWarnings,
  updateFaults,
  updateWarnings,
} from '../../testing/strategies.js';

const CLASS = 'volume.beta.kubernetes.io/storage-class';
const OLD_ZONE = 'failure-domain.beta.kubernetes.io/zone';
const ZONE_TEXT = 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead';
const volume = (spec: object = {}) => ({
  spec: {
    accessModes: ['ReadWriteOnce'],
    capacity: { storage: '1Gi' },
    ...('hostPath' in spec || Object.keys(spec).length > 0 ? {} : { hostPath: { path: '/x' } }),
    ...spec,
  },
});
const claim = (spec: object = {}) => ({
  spec: {
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
    ...spec,
  },
});
const driver = (spec: object) => ({ metadata: { name: 'a.example' }, spec });
const TOKENS = [{ audience: 'a' }];
const UNSET =
  'spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes';

t.test('what is taken with a warning', async (t) => {
  const rows: readonly (readonly [string, string, object, readonly string[]])[] = [
    ['nothing to say', 'PersistentVolume', volume(), []],
    [
      'a class as an annotation',
      'PersistentVolume',
      { metadata: { name: 'x', annotations: { [CLASS]: 'c' } }, ...volume() },
      [
        `metadata.annotations[${CLASS}]: deprecated since v1.8; use "storageClassName" attribute instead`,
      ],
    ],
    [
      'a volume that is emptied, by a label of old',
      'PersistentVolume',
      volume({
        hostPath: { path: '/x' },
        persistentVolumeReclaimPolicy: 'Recycle',
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: OLD_ZONE, operator: 'In', values: ['z'] }] },
            ],
          },
        },
      }),
      [
        'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
        `spec.nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].key: ${OLD_ZONE} is ${ZONE_TEXT}`,
      ],
    ],
    [
      'a volume of a kind that is gone',
      'PersistentVolume',
      volume({ storageos: { volumeName: 'v' } }),
      ['spec.storageOS: deprecated in v1.22, non-functional in v1.25+'],
    ],
    [
      'half a byte of a class as an annotation',
      'PersistentVolumeClaim',
      {
        metadata: { name: 'x', annotations: { [CLASS]: 'c' } },
        ...claim({ resources: { requests: { storage: '1500m' } } }),
      },
      [
        `metadata.annotations[${CLASS}]: deprecated since v1.8; use "storageClassName" attribute instead`,
        'spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer',
      ],
    ],
    [
      'a class by a label of old',
      'StorageClass',
      {
        provisioner: 'a.example/b',
        allowedTopologies: [{ matchLabelExpressions: [{ key: OLD_ZONE, values: ['z'] }] }],
      },
      [`allowedTopologies[0].matchLabelExpressions[0].key: ${OLD_ZONE} is ${ZONE_TEXT}`],
    ],
    [
      'a capacity by labels of old',
      'CSIStorageCapacity',
      {
        storageClassName: 'c',
        nodeTopology: {
          matchLabels: { [OLD_ZONE]: 'z' },
          matchExpressions: [{ key: OLD_ZONE, operator: 'Exists' }],
        },
      },
      [
        `nodeTopology.matchExpressions[0].key: ${OLD_ZONE} is ${ZONE_TEXT}`,
        `nodeTopology.matchLabels.${OLD_ZONE}: ${ZONE_TEXT}`,
      ],
    ],
    ['a driver with tokens', 'CSIDriver', driver({ tokenRequests: TOKENS }), [UNSET]],
    [
      'a driver that says where it wants them',
      'CSIDriver',
      driver({ tokenRequests: TOKENS, serviceAccountTokenInSecrets: false }),
      [],
    ],
  ];
  for (const [name, kind, fields, expected] of rows)
    t.strictSame(createWarnings(kind, fields), expected, `${kind}: ${name}`);
  const tokens = driver({ tokenRequests: TOKENS });
  t.strictSame(updateWarnings('CSIDriver', tokens, tokens), [], 'CSIDriver: as before');
  t.strictSame(updateWarnings('CSIDriver', tokens, driver({})), [UNSET], 'CSIDriver: new tokens');
});

t.test('what is refused', async (t) => {
  t.strictSame(createFaults('CSIDriver', driver({ serviceAccountTokenInSecrets: false })), [
    'spec.serviceAccountTokenInSecrets: Invalid value: false: serviceAccountTokenInSecrets is set but no tokenRequests are specified',
  ]);
  const ref = { kind: 'VolumeSnapshot', name: 's', apiGroup: 'snapshot.storage.k8s.io' };
  const other = { kind: 'PersistentVolumeClaim', name: 'c' };
  t.strictSame(
    createFaults('PersistentVolumeClaim', claim({ dataSource: other, dataSourceRef: ref })),
    ['spec: Invalid value: "spec.dataSource": must match dataSourceRef'],
  );
  t.match(
    updateFaults('PersistentVolumeClaim', claim({ dataSourceRef: ref }), claim()).join(),
    /^spec: Forbidden: spec is immutable after creation/,
  );
});

t.test('where the data of a new claim comes from', async (t) => {
  const snapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's' };
  const anything = { apiGroup: 'a.example', kind: 'Book', name: 'b' };
  const copy = { kind: 'PersistentVolumeClaim', name: 'c' };
  for (const [name, given, both] of [
    ['a snapshot, as of old', { dataSource: snapshot }, snapshot],
    ['a claim, as of old', { dataSource: copy }, copy],
    ['a claim, as of now', { dataSourceRef: copy }, copy],
    ['something else, as of now', { dataSourceRef: anything }, anything],
    ['something else, as of old, is as good as nothing', { dataSource: anything }, undefined],
    [
      'of another namespace, which is off',
      { dataSourceRef: { ...copy, namespace: 'n' } },
      undefined,
    ],
  ] as const) {
    const spec = created('PersistentVolumeClaim', claim(given))['spec'] as Record<string, unknown>;
    t.strictSame(spec['dataSource'], both, name);
    t.strictSame(spec['dataSourceRef'], both, name);
  }
});
