/**
 * The volumes of a pod. Each has a name of its own and exactly one source; what a source demands is here
 * for the ones in use and in legacy-volumes.ts for drivers that left Kubernetes' tree but not its API.
 */
import type {
  DownwardAPIVolumeFile,
  EphemeralVolumeSource,
  KeyToPath,
  ProjectedVolumeSource,
  Volume,
  VolumeProjection,
} from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  type Path,
  required,
  tooLong,
} from '../../../pkg/apimachinery/field-error.js';
import type { ObjectMeta } from '../../../pkg/apimachinery/meta.js';
import { validateLabelSelector } from '../../../pkg/apimachinery/validation/label-selector.js';
import { isDNS1123Subdomain } from '../../../pkg/apimachinery/validation/names.js';
import { VOLUME_FIELD_PATHS, validateFieldSelector, validateResourceFieldSelector } from './env.js';
import {
  dnsLabel,
  fileMode,
  invalidEach,
  localNonReservedPath,
  nonEmpty,
  oneOf,
  optionalOneOf,
  pathNoBacksteps,
} from './fields.js';
import { LEGACY_SOURCES } from './legacy-volumes.js';
import { signOf } from './quantities.js';

const ONE_TYPE = 'may not specify more than 1 volume type';
const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];
const MIN_TOKEN_SECONDS = 600;
const MAX_TOKEN_SECONDS = 2 ** 32;
const MAX_DRIVER_NAME = 63;

type SourceCheck = (volume: Volume, at: Path, podName: string) => FieldError[] | undefined;

/** In the order in which Kubernetes looks at them: the first that is set is the volume's source. */
const SOURCES: readonly (readonly [string, SourceCheck])[] = [
  ['emptyDir', ({ emptyDir }, at) => emptyDir && validateEmptyDir(emptyDir, at)],
  [
    'hostPath',
    ({ hostPath }, at) =>
      hostPath &&
      (hostPath.path
        ? [
            ...pathNoBacksteps(hostPath.path, at.child('path')),
            ...optionalOneOf(hostPath.type, HOST_PATH_TYPES, at.child('type')),
          ]
        : [required(at.child('path'))]),
  ],
  [
    'secret',
    ({ secret }, at) =>
      secret && [
        ...nonEmpty(secret.secretName, at.child('secretName')),
        ...fileMode(secret.defaultMode, at.child('defaultMode')),
        ...validateItems(secret.items, at.child('items')),
      ],
  ],
  [
    'nfs',
    ({ nfs }, at) =>
      nfs && [
        ...nonEmpty(nfs.server, at.child('server')),
        ...nonEmpty(nfs.path, at.child('path')),
        ...((nfs.path ?? '').startsWith('/')
          ? []
          : [invalid(at.child('path'), nfs.path ?? '', 'must be an absolute path')]),
      ],
  ],
  [
    'persistentVolumeClaim',
    ({ persistentVolumeClaim: claim }, at) =>
      claim && nonEmpty(claim.claimName, at.child('claimName')),
  ],
  [
    'downwardAPI',
    ({ downwardAPI }, at) =>
      downwardAPI && [
        ...fileMode(downwardAPI.defaultMode, at.child('defaultMode')),
        ...(downwardAPI.items ?? []).flatMap((file) => validateDownwardAPIFile(file, at)),
      ],
  ],
  [
    'configMap',
    ({ configMap }, at) =>
      configMap && [
        ...nonEmpty(configMap.name, at.child('name')),
        ...fileMode(configMap.defaultMode, at.child('defaultMode')),
        ...validateItems(configMap.items, at.child('items')),
      ],
  ],
  ['projected', ({ projected }, at) => projected && validateProjected(projected, at)],
  [
    'csi',
    ({ csi }, at) =>
      csi && [
        ...validateDriverName(csi.driver, at.child('driver')),
        ...(csi.nodePublishSecretRef
          ? nonEmpty(csi.nodePublishSecretRef.name, at.child('nodePublishSecretRef', 'name'))
          : []),
      ],
  ],
  ['ephemeral', ({ ephemeral }, at) => ephemeral && validateEphemeral(ephemeral, at)],
  [
    'image',
    ({ image }, at) =>
      image && [
        ...nonEmpty(image.reference, at.child('reference')),
        ...oneOf(image.pullPolicy, ['Always', 'IfNotPresent', 'Never'], at.child('pullPolicy')),
      ],
  ],
  ...LEGACY_SOURCES,
];

/** Errors, and the volumes that containers may mount: those without any. */
export function validateVolumes(
  volumes: readonly Volume[],
  podMeta: ObjectMeta | undefined,
  at: Path,
): { volumes: ReadonlyMap<string, Volume>; errors: FieldError[] } {
  const podName = podMeta?.name ?? '';
  const created = new Set(
    volumes.filter((v) => v.ephemeral && podName !== '').map((v) => `${podName}-${v.name}`),
  );
  const errors: FieldError[] = [];
  const known = new Map<string, Volume>();
  for (const [i, volume] of volumes.entries()) {
    const own = at.index(i);
    const name = own.child('name');
    const found = validateSource(volume, own, podName);
    if (!volume.name) found.push(required(name));
    else found.push(...dnsLabel(volume.name, name));
    if (known.has(volume.name)) found.push(duplicate(name, volume.name));
    if (found.length === 0) known.set(volume.name, volume);
    errors.push(...found);
    const claim = volume.persistentVolumeClaim?.claimName;
    if (claim && created.has(claim)) {
      const text = 'must not reference a PVC that gets created for an ephemeral volume';
      errors.push(invalid(own.child('persistentVolumeClaim', 'claimName'), claim, text));
    }
  }
  return { volumes: known, errors };
}

function validateSource(volume: Volume, at: Path, podName: string): FieldError[] {
  const errors: FieldError[] = [];
  let sources = 0;
  for (const [name, check] of SOURCES) {
    const found = check(volume, at.child(name), podName);
    if (!found) continue;
    errors.push(...(sources === 0 ? found : [forbidden(at.child(name), ONE_TYPE)]));
    sources++;
  }
  if (sources === 0) errors.push(required(at, 'must specify a volume type'));
  if (volume.ephemeral && podName !== '' && volume.name) {
    const claim = `${podName}-${volume.name}`;
    for (const message of isDNS1123Subdomain(claim)) {
      errors.push(
        invalid(at.child('name'), volume.name, `PVC name ${JSON.stringify(claim)}: ${message}`),
      );
    }
  }
  return errors;
}

function validateEmptyDir(source: { sizeLimit?: string }, at: Path): FieldError[] {
  if (source.sizeLimit === undefined || signOf(source.sizeLimit) >= 0) return [];
  return [forbidden(at.child('sizeLimit'), 'SizeLimit field must be a valid resource quantity')];
}

function validateItems(items: readonly KeyToPath[] | undefined, at: Path): FieldError[] {
  return (items ?? []).flatMap((item, i) => validateKeyToPath(item, at.index(i)));
}

function validateKeyToPath(item: KeyToPath, at: Path): FieldError[] {
  return [
    ...nonEmpty(item.key, at.child('key')),
    ...nonEmpty(item.path, at.child('path')),
    ...localNonReservedPath(item.path ?? '', at.child('path')),
    ...fileMode(item.mode, at.child('mode')),
  ];
}

function validateDownwardAPIFile(file: DownwardAPIVolumeFile, at: Path): FieldError[] {
  const errors = [
    ...nonEmpty(file.path, at.child('path')),
    ...localNonReservedPath(file.path ?? '', at.child('path')),
  ];
  if (file.fieldRef) {
    errors.push(...validateFieldSelector(file.fieldRef, VOLUME_FIELD_PATHS, at.child('fieldRef')));
    if (file.resourceFieldRef) {
      errors.push(
        invalid(
          at,
          'resource',
          'fieldRef and resourceFieldRef can not be specified simultaneously',
        ),
      );
    }
  } else if (file.resourceFieldRef) {
    errors.push(
      ...validateResourceFieldSelector(file.resourceFieldRef, at.child('resourceFieldRef'), true),
    );
  } else {
    errors.push(required(at, 'one of fieldRef and resourceFieldRef is required'));
  }
  return [...errors, ...fileMode(file.mode, at.child('mode'))];
}

function validateProjected(projected: ProjectedVolumeSource, at: Path): FieldError[] {
  const errors = fileMode(projected.defaultMode, at.child('defaultMode'));
  const paths = new Set<string>();
  for (const [i, source] of (projected.sources ?? []).entries()) {
    errors.push(...validateProjection(source, paths, at, at.child('sources').index(i)));
  }
  return errors;
}

function validateProjection(
  source: VolumeProjection,
  paths: Set<string>,
  at: Path,
  own: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  const claim = (file: string | undefined, shown: string) => {
    if (!file) return;
    if (paths.has(file)) errors.push(invalid(at, shown, 'conflicting duplicate paths'));
    paths.add(file);
  };
  for (const kind of ['secret', 'configMap'] as const) {
    const keyed = source[kind];
    if (!keyed) continue;
    errors.push(...nonEmpty(keyed.name, own.child(kind, 'name')));
    for (const [i, item] of (keyed.items ?? []).entries()) {
      errors.push(...validateKeyToPath(item, own.child(kind, 'items').index(i)));
      claim(item.path, keyed.name ?? '');
    }
  }
  for (const file of source.downwardAPI?.items ?? []) {
    errors.push(...validateDownwardAPIFile(file, own.child('downwardAPI')));
    claim(file.path, file.path);
  }
  if (source.serviceAccountToken) {
    const { expirationSeconds = 0, path } = source.serviceAccountToken;
    const seconds = own.child('serviceAccountToken', 'expirationSeconds');
    if (expirationSeconds < MIN_TOKEN_SECONDS) {
      errors.push(
        invalid(seconds, expirationSeconds, 'may not specify a duration less than 10 minutes'),
      );
    }
    if (expirationSeconds > MAX_TOKEN_SECONDS) {
      errors.push(
        invalid(seconds, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'),
      );
    }
    errors.push(
      ...(path ? localNonReservedPath(path, at.child('path')) : [required(at.child('path'))]),
    );
  }
  if (source.clusterTrustBundle)
    errors.push(
      ...validateTrustBundle(source.clusterTrustBundle, claim, own.child('clusterTrustBundle')),
    );
  const kinds = [
    'secret',
    'configMap',
    'downwardAPI',
    'serviceAccountToken',
    'clusterTrustBundle',
    'podCertificate',
  ] as const;
  if (kinds.filter((kind) => source[kind] !== undefined).length > 1) {
    errors.push(forbidden(own, 'may not specify more than 1 volume type per source'));
  }
  return errors;
}

function validateTrustBundle(
  bundle: NonNullable<VolumeProjection['clusterTrustBundle']>,
  claim: (file: string, shown: string) => void,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  const { name, signerName, labelSelector, path } = bundle;
  if (name !== undefined && signerName !== undefined) {
    errors.push(invalid(at, bundle, 'only one of name and signerName may be used'));
  } else if (name !== undefined) {
    errors.push(...nonEmpty(name, at.child('name'), 'must be a valid object name'));
    if (labelSelector) {
      errors.push(
        invalid(
          at.child('labelSelector'),
          labelSelector,
          'labelSelector must be unset if name is specified',
        ),
      );
    }
  } else if (signerName !== undefined) {
    errors.push(...nonEmpty(signerName, at.child('signerName'), 'must be a valid signer name'));
    errors.push(...validateLabelSelector(labelSelector, at.child('labelSelector')));
  } else {
    errors.push(required(at, 'either name or signerName must be specified'));
  }
  errors.push(
    ...nonEmpty(path, at.child('path')),
    ...localNonReservedPath(path ?? '', at.child('path')),
  );
  claim(path, path);
  return errors;
}

function validateEphemeral(source: EphemeralVolumeSource, at: Path): FieldError[] {
  const template = source.volumeClaimTemplate;
  const own = at.child('volumeClaimTemplate');
  if (!template) return [required(own)];
  const spec = template.spec ?? {};
  const errors =
    (spec.accessModes ?? []).length > 0
      ? []
      : [required(own.child('spec', 'accessModes'), 'at least 1 access mode is required')];
  const modes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
  for (const mode of spec.accessModes ?? [])
    errors.push(...oneOf(mode, modes, own.child('spec', 'accessModes')));
  const storage = spec.resources?.requests?.storage;
  const field = own.child('spec', 'resources').key('storage');
  if (storage === undefined) errors.push(required(field));
  else if (signOf(storage) <= 0) errors.push(invalid(field, storage, 'must be greater than zero'));
  return errors;
}

export function validateDriverName(driver: string | undefined, at: Path): FieldError[] {
  if (!driver) return [required(at)];
  const errors: FieldError[] = [];
  if (driver.length > MAX_DRIVER_NAME) {
    errors.push(tooLong(at, MAX_DRIVER_NAME));
  }
  return [...errors, ...invalidEach(at, driver, isDNS1123Subdomain(driver.toLowerCase()))];
}
