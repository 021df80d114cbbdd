/** Ingress: which Service answers which host and path. */
import type { HTTPIngressPath, Ingress, IngressBackend } from '../../../pkg/api/types.js';
import {
  type FieldError,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isValidPortName, isValidPortNum } from '../../../pkg/apimachinery/validation/formats.js';
import {
  isDNS1035Label,
  isDNS1123Subdomain,
  isWildcardDNS1123Subdomain,
} from '../../../pkg/apimachinery/validation/names.js';
import { ageColumn, listWithMore, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { canonicalIP, validateIP } from '../validation/addresses.js';
import { validateReference } from '../validation/references.js';

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
const HOSTS_SHOWN = 3;
const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
/** What would let a path mean something else than it says. */
const BAD_IN_PATH = ['//', '/./', '/../', '%2f', '%2F'];
const BAD_AT_END = ['/..', '/.'];

export const ingress: ResourceDefinition<Ingress> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  resource: 'ingresses',
  singular: 'ingress',
  namespaced: true,
  shortNames: ['ing'],
  definition: 'io.k8s.api.networking.v1.Ingress',
  columns: [
    nameColumn(),
    textColumn(
      'Class',
      'The class whose controller serves it.',
      (obj) =>
        obj.spec?.ingressClassName ?? obj.metadata?.annotations?.[CLASS_ANNOTATION] ?? '<none>',
    ),
    textColumn('Hosts', 'Hosts that it is for.', (obj) =>
      listWithMore(
        (obj.spec?.rules ?? []).flatMap(({ host }) => (host ? [host] : [])),
        HOSTS_SHOWN,
        '*',
      ),
    ),
    textColumn('Address', 'Where it is reached.', (obj) => {
      const at = (obj.status?.loadBalancer?.ingress ?? []).map(
        ({ ip, hostname }) => ip || hostname || '',
      );
      return [...new Set(at.filter((text) => text !== ''))].sort().join(',');
    }),
    textColumn('Ports', 'Ports that it is served on.', (obj) =>
      (obj.spec?.tls ?? []).length > 0 ? '80, 443' : '80',
    ),
    ageColumn(),
  ],
  strategy: {
    prepareForCreate(obj) {
      obj.status = { loadBalancer: {} };
    },
    prepareForUpdate(obj, old) {
      if (old.status) obj.status = old.status;
    },
    validate(obj) {
      const errors = validate(obj);
      const annotated = obj.metadata?.annotations?.[CLASS_ANNOTATION];
      const named = obj.spec?.ingressClassName;
      if (annotated !== undefined && named !== undefined && annotated !== named) {
        errors.push(
          invalid(
            path('annotations').child(CLASS_ANNOTATION),
            annotated,
            'must match `ingressClassName` when both are specified',
          ),
        );
      }
      return errors;
    },
    validateUpdate: validate,
    warningsOnCreate: annotationWarning,
    generation: true,
    status: { validateUpdate: validateStatus },
  },
};

function annotationWarning(obj: Ingress): string[] {
  const annotated = obj.metadata?.annotations?.[CLASS_ANNOTATION] !== undefined;
  if (!annotated || obj.spec?.ingressClassName !== undefined) return [];
  return [
    `annotation "${CLASS_ANNOTATION}" is deprecated, please use 'spec.ingressClassName' instead`,
  ];
}

function validate({ spec = {} }: Ingress): FieldError[] {
  const at = path('spec');
  const errors: FieldError[] = [];
  const rules = spec.rules ?? [];
  if (rules.length === 0 && !spec.defaultBackend) {
    errors.push(invalid(at, spec.rules, 'either `defaultBackend` or `rules` must be specified'));
  }
  if (spec.defaultBackend)
    errors.push(...validateBackend(spec.defaultBackend, at.child('defaultBackend')));
  rules.forEach((rule, i) => {
    const here = at.child('rules').index(i);
    errors.push(...validateHost(rule.host ?? '', here.child('host')));
    if (!rule.http) return;
    const paths = here.child('http', 'paths');
    if (rule.http.paths.length === 0) errors.push(required(paths));
    rule.http.paths.forEach((entry, j) => {
      errors.push(...validatePath(entry, paths.index(j)));
    });
  });
  (spec.tls ?? []).forEach(({ hosts = [], secretName }, i) => {
    const here = at.child('tls').index(i);
    hosts.forEach((host, j) => {
      const wrong = host.includes('*')
        ? isWildcardDNS1123Subdomain(host)
        : isDNS1123Subdomain(host);
      errors.push(...wrong.map((why) => invalid(here.child('hosts').index(j), host, why)));
    });
    if (secretName) {
      errors.push(
        ...isDNS1123Subdomain(secretName).map((why) =>
          invalid(here.child('secretName'), secretName, why),
        ),
      );
    }
  });
  if (spec.ingressClassName !== undefined) {
    const name = spec.ingressClassName;
    errors.push(
      ...isDNS1123Subdomain(name).map((why) => invalid(at.child('ingressClassName'), name, why)),
    );
  }
  return errors;
}

function validateHost(host: string, at: Path): FieldError[] {
  if (host === '') return [];
  const errors =
    canonicalIP(host) === undefined
      ? []
      : [invalid(at, host, 'must be a DNS name, not an IP address')];
  const wrong = host.includes('*') ? isWildcardDNS1123Subdomain(host) : isDNS1123Subdomain(host);
  return [...errors, ...wrong.map((why) => invalid(at, host, why))];
}

function validateStatus({ status }: Ingress): FieldError[] {
  const at = path('status', 'loadBalancer', 'ingress');
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }, i) => [
    ...(ip ? validateIP(ip, at.index(i).child('ip')) : []),
    ...(hostname ? validateStatusHost(hostname, at.index(i).child('hostname')) : []),
  ]);
}

function validateStatusHost(host: string, at: Path): FieldError[] {
  const errors = isDNS1123Subdomain(host).map((why) => invalid(at, host, why));
  if (canonicalIP(host) !== undefined)
    errors.push(invalid(at, host, 'must be a DNS name, not an IP address'));
  return errors;
}

function validatePath(entry: HTTPIngressPath, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const { path: text = '', pathType } = entry;
  if (!pathType) return [required(at.child('pathType'), 'pathType must be specified')];
  if (pathType === 'Exact' || pathType === 'Prefix') {
    if (!text.startsWith('/'))
      errors.push(invalid(at.child('path'), text, 'must be an absolute path'));
    for (const bad of BAD_IN_PATH) {
      if (text.includes(bad))
        errors.push(invalid(at.child('path'), text, `must not contain '${bad}'`));
    }
    for (const bad of BAD_AT_END) {
      if (text.endsWith(bad))
        errors.push(invalid(at.child('path'), text, `cannot end with '${bad}'`));
    }
  } else if (pathType === 'ImplementationSpecific') {
    if (text !== '' && !text.startsWith('/')) {
      errors.push(invalid(at.child('path'), text, 'must be an absolute path'));
    }
  } else errors.push(notSupported(at.child('pathType'), pathType, PATH_TYPES));
  return [...errors, ...validateBackend(entry.backend, at.child('backend'))];
}

function validateBackend(backend: IngressBackend, at: Path): FieldError[] {
  const { service, resource } = backend;
  if (service && resource)
    return [invalid(at, '', 'cannot set both resource and service backends')];
  if (!service && !resource) return [invalid(at, '', 'resource or service backend is required')];
  const errors: FieldError[] = [];
  if (resource) return validateReference(resource, at.child('resource'));
  const here = at.child('service');
  const name = service?.name ?? '';
  if (name === '') errors.push(required(here.child('name')));
  else errors.push(...isDNS1035Label(name).map((why) => invalid(here.child('name'), name, why)));
  const { name: portName = '', number = 0 } = service?.port ?? {};
  if (portName !== '' && number !== 0) {
    errors.push(invalid(at, '', 'cannot set both port name & port number'));
  } else if (portName !== '') {
    errors.push(
      ...isValidPortName(portName).map((why) => invalid(here.child('port', 'name'), portName, why)),
    );
  } else if (number !== 0) {
    errors.push(
      ...isValidPortNum(number).map((why) => invalid(here.child('port', 'number'), number, why)),
    );
  } else errors.push(required(at, 'port name or number is required'));
  return errors;
}
