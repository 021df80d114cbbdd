/** Volume sources whose drivers left Kubernetes' tree; the API still takes and checks them. */
import type { ISCSIVolumeSource, Volume } from '../../../pkg/api/types.js';
import {
  type FieldError,
  invalid,
  notSupported,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { inclusiveRangeMessage } from '../../../pkg/apimachinery/validation/formats.js';
import { localDescendingPath, nonEmpty, optionalOneOf } from './fields.js';

const IQN = /iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$/;
const EUI = /^eui.[A-Za-z0-9]{16}$/;
const NAA = /^naa.[A-Za-z0-9]{32}$/;
const MAX_ISCSI_NAME = 64;

type SourceCheck = (volume: Volume, at: Path) => FieldError[] | undefined;

export const LEGACY_SOURCES: readonly (readonly [string, SourceCheck])[] = [
  [
    'gitRepo',
    ({ gitRepo }, at) =>
      gitRepo && [
        ...nonEmpty(gitRepo.repository, at.child('repository')),
        ...localDescendingPath(gitRepo.directory ?? '', at.child('directory')),
      ],
  ],
  [
    'gcePersistentDisk',
    ({ gcePersistentDisk: disk }, at) =>
      disk && [...nonEmpty(disk.pdName, at.child('pdName')), ...partition(disk.partition, at)],
  ],
  [
    'awsElasticBlockStore',
    ({ awsElasticBlockStore: disk }, at) =>
      disk && [...nonEmpty(disk.volumeID, at.child('volumeID')), ...partition(disk.partition, at)],
  ],
  ['iscsi', ({ iscsi, name }, at) => iscsi && validateISCSI(iscsi, name, at)],
  [
    'glusterfs',
    ({ glusterfs }, at) =>
      glusterfs && [
        ...nonEmpty(glusterfs.endpoints, at.child('endpoints')),
        ...nonEmpty(glusterfs.path, at.child('path')),
      ],
  ],
  [
    'flocker',
    ({ flocker }, at) => {
      if (!flocker) return undefined;
      const { datasetName = '', datasetUUID = '' } = flocker;
      const errors: FieldError[] = [];
      if (datasetName === '' && datasetUUID === '') {
        errors.push(required(at, 'one of datasetName and datasetUUID is required'));
      }
      if (datasetName !== '' && datasetUUID !== '') {
        errors.push(
          invalid(
            at,
            'resource',
            'datasetName and datasetUUID can not be specified simultaneously',
          ),
        );
      }
      if (datasetName.includes('/'))
        errors.push(invalid(at.child('datasetName'), datasetName, "must not contain '/'"));
      return errors;
    },
  ],
  [
    'rbd',
    ({ rbd }, at) =>
      rbd && [
        ...((rbd.monitors ?? []).length > 0 ? [] : [required(at.child('monitors'))]),
        ...nonEmpty(rbd.image, at.child('image')),
      ],
  ],
  [
    'cinder',
    ({ cinder }, at) =>
      cinder && [
        ...nonEmpty(cinder.volumeID, at.child('volumeID')),
        ...(cinder.secretRef ? nonEmpty(cinder.secretRef.name, at.child('secretRef', 'name')) : []),
      ],
  ],
  [
    'cephfs',
    ({ cephfs }, at) =>
      cephfs && ((cephfs.monitors ?? []).length > 0 ? [] : [required(at.child('monitors'))]),
  ],
  [
    'quobyte',
    ({ quobyte }, at) =>
      quobyte && [
        ...nonEmpty(
          quobyte.registry,
          at.child('registry'),
          'must be a host:port pair or multiple pairs separated by commas',
        ),
        ...nonEmpty(quobyte.volume, at.child('volume')),
      ],
  ],
  [
    'fc',
    ({ fc }, at) => {
      if (!fc) return undefined;
      const { targetWWNs = [], wwids = [], lun } = fc;
      const errors: FieldError[] = [];
      if (targetWWNs.length === 0 && wwids.length === 0) {
        errors.push(
          required(at.child('targetWWNs'), 'must specify either targetWWNs or wwids, but not both'),
        );
      }
      if (targetWWNs.length > 0 && wwids.length > 0) {
        const text = 'targetWWNs and wwids can not be specified simultaneously';
        errors.push(invalid(at.child('targetWWNs'), targetWWNs, text));
      }
      if (targetWWNs.length > 0 && lun === undefined) {
        errors.push(required(at.child('lun'), 'lun is required if targetWWNs is specified'));
      } else if (targetWWNs.length > 0) {
        errors.push(...lunNumber(lun ?? 0, at));
      }
      return errors;
    },
  ],
  [
    'flexVolume',
    ({ flexVolume }, at) =>
      flexVolume && [
        ...nonEmpty(flexVolume.driver, at.child('driver')),
        ...Object.keys(flexVolume.options ?? {}).flatMap((key) => {
          const owner = `.${(key.includes('/') ? (key.split('/')[0] ?? '') : key).toLowerCase()}`;
          if (!owner.endsWith('.kubernetes.io') && !owner.endsWith('.k8s.io')) return [];
          return [
            invalid(
              at.child('options').key(key),
              key,
              'kubernetes.io and k8s.io namespaces are reserved',
            ),
          ];
        }),
      ],
  ],
  [
    'azureFile',
    ({ azureFile }, at) =>
      azureFile && [
        ...nonEmpty(azureFile.secretName, at.child('secretName')),
        ...nonEmpty(azureFile.shareName, at.child('shareName')),
      ],
  ],
  [
    'vsphereVolume',
    ({ vsphereVolume }, at) =>
      vsphereVolume && nonEmpty(vsphereVolume.volumePath, at.child('volumePath')),
  ],
  [
    'photonPersistentDisk',
    ({ photonPersistentDisk: disk }, at) => disk && nonEmpty(disk.pdID, at.child('pdID')),
  ],
  [
    'portworxVolume',
    ({ portworxVolume }, at) =>
      portworxVolume && nonEmpty(portworxVolume.volumeID, at.child('volumeID')),
  ],
  [
    'azureDisk',
    ({ azureDisk }, at) => {
      if (!azureDisk) return undefined;
      const uri = azureDisk.diskURI ?? '';
      const errors = [
        ...nonEmpty(azureDisk.diskName, at.child('diskName')),
        ...nonEmpty(uri, at.child('diskURI')),
        ...optionalOneOf(
          azureDisk.cachingMode,
          ['None', 'ReadOnly', 'ReadWrite'],
          at.child('cachingMode'),
        ),
        ...optionalOneOf(azureDisk.kind, ['Dedicated', 'Managed', 'Shared'], at.child('kind')),
      ];
      if (azureDisk.kind === 'Managed' && !uri.startsWith('/subscriptions/')) {
        const form =
          '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
        errors.push(notSupported(at.child('diskURI'), uri, [form]));
      }
      if (
        azureDisk.kind !== undefined &&
        azureDisk.kind !== 'Managed' &&
        !uri.startsWith('https://')
      ) {
        const form =
          'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';
        errors.push(notSupported(at.child('diskURI'), uri, [form]));
      }
      return errors;
    },
  ],
  [
    'storageos',
    ({ storageos }, at) => storageos && nonEmpty(storageos.volumeName, at.child('volumeName')),
  ],
  [
    'scaleIO',
    ({ scaleIO }, at) =>
      scaleIO && [
        ...nonEmpty(scaleIO.gateway, at.child('gateway')),
        ...nonEmpty(scaleIO.system, at.child('system')),
        ...nonEmpty(scaleIO.volumeName, at.child('volumeName')),
      ],
  ],
];

function partition(value: number | undefined, at: Path): FieldError[] {
  const number = value ?? 0;
  return number >= 0 && number <= 255
    ? []
    : [invalid(at.child('partition'), number, inclusiveRangeMessage(1, 255))];
}

function lunNumber(value: number, at: Path): FieldError[] {
  return value >= 0 && value <= 255
    ? []
    : [invalid(at.child('lun'), value, inclusiveRangeMessage(0, 255))];
}

function validateISCSI(iscsi: ISCSIVolumeSource, volume: string, at: Path): FieldError[] {
  const errors = nonEmpty(iscsi.targetPortal, at.child('targetPortal'));
  if (!iscsi.iqn) errors.push(required(at.child('iqn')));
  else errors.push(...iscsiName(iscsi.iqn, at.child('iqn')));
  errors.push(...lunNumber(iscsi.lun ?? 0, at));
  if ((iscsi.chapAuthDiscovery || iscsi.chapAuthSession) && !iscsi.secretRef)
    errors.push(required(at.child('secretRef')));
  if (iscsi.initiatorName !== undefined) {
    errors.push(...iscsiName(iscsi.initiatorName, at.child('initiatorname')));
    if (`${volume}:${iscsi.targetPortal ?? ''}`.length > MAX_ISCSI_NAME) {
      const text =
        'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.';
      errors.push(invalid(at.toString().replace(/\.iscsi$/, '.name'), volume, text));
    }
  }
  return errors;
}

function iscsiName(name: string, at: Path): FieldError[] {
  const form = { iqn: IQN, eui: EUI, naa: NAA }[name.slice(0, 3)];
  if (!form) return [invalid(at, name, 'must be valid format starting with iqn, eui, or naa')];
  return form.test(name) ? [] : [invalid(at, name, 'must be valid format')];
}
