/** The columns of `kubectl get services`. */
import type { Service } from '../../../pkg/api/types.js';
import type { Column } from '../resource.js';
import { ageColumn, formatLabels, NONE, nameColumn, selectorColumn, UNKNOWN } from './metadata.js';

export const serviceColumns: readonly Column<Service>[] = [
  nameColumn(),
  {
    name: 'Type',
    type: 'string',
    description: 'How the service is exposed.',
    value: (service) => service.spec?.type ?? '',
  },
  {
    name: 'Cluster-IP',
    type: 'string',
    description: 'First virtual address of the service.',
    value: (service) => service.spec?.clusterIPs?.[0] || service.spec?.clusterIP || NONE,
  },
  {
    name: 'External-IP',
    type: 'string',
    description: 'Addresses that reach the service from outside.',
    value: externalIP,
  },
  {
    name: 'Port(s)',
    type: 'string',
    description: 'Ports that the service exposes, with their node ports.',
    value: ports,
  },
  ageColumn(),
  selectorColumn((service) => formatLabels(service.spec?.selector)),
];

function externalIP(service: Service): string {
  const externalIPs = service.spec?.externalIPs ?? [];
  switch (service.spec?.type) {
    case 'ClusterIP':
    case 'NodePort':
      return externalIPs.length > 0 ? externalIPs.join(',') : NONE;
    case 'LoadBalancer': {
      const ingress = service.status?.loadBalancer?.ingress ?? [];
      const balancers = new Set(
        ingress.map((i) => i.ip || i.hostname || '').filter((text) => text !== ''),
      );
      const all = [...[...balancers].sort(), ...externalIPs];
      return all.length > 0 ? all.join(',') : '<pending>';
    }
    case 'ExternalName':
      return service.spec.externalName ?? '';
    default:
      return UNKNOWN;
  }
}

function ports(service: Service): string {
  const texts = (service.spec?.ports ?? []).map((port) =>
    port.nodePort
      ? `${port.port}:${port.nodePort}/${port.protocol ?? 'TCP'}`
      : `${port.port}/${port.protocol ?? 'TCP'}`,
  );
  return texts.length > 0 ? texts.join(',') : NONE;
}
