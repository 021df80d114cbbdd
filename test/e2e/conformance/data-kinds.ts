/** Kinds of devices and volumes that are data to most of the cluster: their operations, as `api-operations.ts` has them. */
import type { Clause } from '../../support/clause.js';
import { type Kind, operationsOf } from './api-operations.js';

const REQUEST = { requests: [{ name: 'one', exactly: { deviceClassName: 'example.com' } }] };

const DEVICES: readonly Kind[] = [
  {
    title: 'CRUD operations for deviceclasses',
    apiVersion: 'resource.k8s.io/v1',
    plural: 'deviceclasses',
    body: { spec: { selectors: [{ cel: { expression: "device.driver == 'example.com'" } }] } },
    update: { spec: { selectors: [{ cel: { expression: "device.driver == 'other.com'" } }] } },
  },
  {
    title: 'CRUD operations for resourceclaims',
    apiVersion: 'resource.k8s.io/v1',
    plural: 'resourceclaims',
    subresources: ['status'],
    body: { spec: { devices: REQUEST } },
    status: {
      allocation: {
        devices: {
          results: [{ request: 'one', driver: 'example.com', pool: 'pool', device: 'device' }],
        },
      },
    },
  },
  {
    title: 'CRUD operations for resourceclaimtemplates',
    apiVersion: 'resource.k8s.io/v1',
    plural: 'resourceclaimtemplates',
    body: { spec: { spec: { devices: REQUEST } } },
  },
  {
    title: 'CRUD operations for resoureslices',
    apiVersion: 'resource.k8s.io/v1',
    plural: 'resourceslices',
    body: ({ namespace }) => ({
      spec: {
        driver: `${namespace}.example.com`,
        pool: { name: namespace, generation: 1, resourceSliceCount: 1 },
        allNodes: true,
        devices: [{ name: 'one' }],
      },
    }),
    patch: { spec: { devices: [{ name: 'one' }, { name: 'two' }] } },
  },
];

const VOLUMES: readonly Kind[] = [
  {
    title: 'VolumeAttachment, lifecycle',
    apiVersion: 'storage.k8s.io/v1',
    plural: 'volumeattachments',
    subresources: ['status'],
    body: {
      spec: {
        attacher: 'example.com/none',
        nodeName: 'node-1',
        source: { persistentVolumeName: 'none' },
      },
    },
  },
  {
    title: 'VolumeAttributesClass, lifecycle',
    apiVersion: 'storage.k8s.io/v1',
    plural: 'volumeattributesclasses',
    body: { driverName: 'example.com', parameters: { iops: '100' } },
  },
  {
    title: 'CSIInlineVolumes should support Pods with inline volumes',
    apiVersion: 'v1',
    plural: 'pods',
    body: {
      spec: {
        terminationGracePeriodSeconds: 0,
        nodeSelector: { nowhere: 'yes' },
        containers: [{ name: 'main', image: 'nginx:1' }],
        volumes: [
          {
            name: 'inline',
            csi: { driver: 'inline.example.com', volumeAttributes: { size: '1Gi' } },
          },
        ],
      },
    },
  },
];

export const devices: readonly Clause[] = operationsOf(DEVICES);
export const volumeKinds: readonly Clause[] = operationsOf(VOLUMES);
