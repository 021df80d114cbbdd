/** NetworkPolicy: who may talk to the pods that it selects, and to whom they may. */

import type {
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isValidPortName, isValidPortNum } from '../../../pkg/apimachinery/validation/formats.js';
import { validateLabelSelector } from '../../../pkg/apimachinery/validation/label-selector.js';
import { ageColumn, formatLabelSelector, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import {
  cidrWarnings,
  familyOfCIDR,
  isStrictSubset,
  validateCIDR,
} from '../validation/addresses.js';

const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];

export const networkPolicy: ResourceDefinition<NetworkPolicy> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  resource: 'networkpolicies',
  singular: 'networkpolicy',
  namespaced: true,
  shortNames: ['netpol'],
  definition: 'io.k8s.api.networking.v1.NetworkPolicy',
  columns: [
    nameColumn(),
    textColumn('Pod-Selector', 'Pods that it is for.', (obj) =>
      formatLabelSelector(obj.spec?.podSelector),
    ),
    ageColumn(),
  ],
  strategy: {
    setDefaults({ spec }) {
      if (!spec) return;
      if (!spec.policyTypes || spec.policyTypes.length === 0) {
        spec.policyTypes = (spec.egress ?? []).length > 0 ? ['Ingress', 'Egress'] : ['Ingress'];
      }
      for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) {
        for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
      }
    },
    validate,
    validateUpdate: validate,
    warningsOnCreate: rangeWarnings,
    warningsOnUpdate: rangeWarnings,
    generation: true,
  },
};

function rangeWarnings({ spec = {} }: NetworkPolicy): string[] {
  const at = path('spec');
  const ofPeers = (peers: readonly NetworkPolicyPeer[] | undefined, here: Path) =>
    (peers ?? []).flatMap(({ ipBlock }, i) => {
      if (!ipBlock) return [];
      const own = here.index(i).child('ipBlock');
      return [
        ...cidrWarnings(ipBlock.cidr, own.child('cidr')),
        ...(ipBlock.except ?? []).flatMap((range, j) =>
          cidrWarnings(range, own.child('except').index(j)),
        ),
      ];
    });
  return [
    ...(spec.ingress ?? []).flatMap(({ from }, i) =>
      ofPeers(from, at.child('ingress').index(i).child('from')),
    ),
    ...(spec.egress ?? []).flatMap(({ to }, i) =>
      ofPeers(to, at.child('egress').index(i).child('to')),
    ),
  ];
}

function validate({ spec = {} }: NetworkPolicy): FieldError[] {
  const at = path('spec');
  const errors = validateLabelSelector(spec.podSelector, at.child('podSelector'));
  (spec.ingress ?? []).forEach(({ from = [], ports = [] }, i) => {
    const here = at.child('ingress').index(i);
    ports.forEach((port, j) => {
      errors.push(...validatePort(port, here.child('ports').index(j)));
    });
    from.forEach((peer, j) => {
      errors.push(...validatePeer(peer, here.child('from').index(j)));
    });
  });
  (spec.egress ?? []).forEach(({ to = [], ports = [] }, i) => {
    const here = at.child('egress').index(i);
    ports.forEach((port, j) => {
      errors.push(...validatePort(port, here.child('ports').index(j)));
    });
    to.forEach((peer, j) => {
      errors.push(...validatePeer(peer, here.child('to').index(j)));
    });
  });
  const types = spec.policyTypes ?? [];
  if (types.length > 2) {
    errors.push(
      invalid(at.child('policyTypes'), types, 'may not specify more than two policyTypes'),
    );
    return errors;
  }
  types.forEach((type, i) => {
    if (type !== 'Ingress' && type !== 'Egress') {
      errors.push(notSupported(at.child('policyTypes').index(i), type, ['Ingress', 'Egress']));
    }
  });
  return errors;
}

function validatePort({ protocol, port, endPort }: NetworkPolicyPort, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (protocol !== undefined && !PROTOCOLS.includes(protocol)) {
    errors.push(notSupported(at.child('protocol'), protocol, PROTOCOLS));
  }
  if (typeof port === 'number') {
    errors.push(...isValidPortNum(port).map((why) => invalid(at.child('port'), port, why)));
    if (endPort !== undefined) {
      if (endPort < port) {
        errors.push(
          invalid(at.child('endPort'), endPort, 'must be greater than or equal to `port`'),
        );
      }
      errors.push(
        ...isValidPortNum(endPort).map((why) => invalid(at.child('endPort'), endPort, why)),
      );
    }
  } else if (typeof port === 'string') {
    if (endPort !== undefined) {
      errors.push(
        invalid(at.child('endPort'), endPort, 'may not be specified when `port` is non-numeric'),
      );
    }
    errors.push(...isValidPortName(port).map((why) => invalid(at.child('port'), port, why)));
  } else if (endPort !== undefined) {
    errors.push(
      invalid(at.child('endPort'), endPort, 'may not be specified when `port` is not specified'),
    );
  }
  return errors;
}

function validatePeer(
  { podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer,
  at: Path,
): FieldError[] {
  const errors = validateLabelSelector(podSelector, at.child('podSelector'));
  errors.push(...validateLabelSelector(namespaceSelector, at.child('namespaceSelector')));
  const selects = podSelector !== undefined || namespaceSelector !== undefined;
  if (ipBlock) {
    const here = at.child('ipBlock');
    if (!ipBlock.cidr) errors.push(required(here.child('cidr')));
    else errors.push(...validateCIDR(ipBlock.cidr, here.child('cidr')));
    (ipBlock.except ?? []).forEach((range, i) => {
      const except = here.child('except').index(i);
      const wrong = validateCIDR(range, except);
      errors.push(...wrong);
      if (
        wrong.length === 0 &&
        familyOfCIDR(ipBlock.cidr) !== 0 &&
        !isStrictSubset(range, ipBlock.cidr)
      ) {
        errors.push(invalid(except, range, 'must be a strict subset of `cidr`'));
      }
    });
    if (selects) errors.push(forbidden(at, 'may not specify both ipBlock and another peer'));
  } else if (!selects) errors.push(required(at, 'must specify a peer'));
  return errors;
}
