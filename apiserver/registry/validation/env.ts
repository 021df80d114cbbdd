/** Environment variables of a container, and where their values come from. */
import type {
  EnvFromSource,
  EnvVar,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from '../../../pkg/api/types.js';
import {
  type FieldError,
  invalid,
  notSupported,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import {
  isConfigMapKey,
  isRelaxedEnvVarName,
} from '../../../pkg/apimachinery/validation/formats.js';
import { nameIsDNSSubdomain } from '../../../pkg/apimachinery/validation/names.js';
import { invalidEach, localNonReservedPath, nonEmpty, qualifiedName } from './fields.js';
import { type QuantityText, quantityOf } from './quantities.js';

const ENV_FIELD_PATHS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
export const VOLUME_FIELD_PATHS = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];
/** What `fieldPath` may name at all; anything else does not convert. */
const FIELD_LABELS = new Set([
  ...ENV_FIELD_PATHS,
  ...VOLUME_FIELD_PATHS,
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
]);
const RESOURCE_PATHS = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const HUGE_PAGE_PREFIXES = ['limits.hugepages-', 'requests.hugepages-'];
const BYTE_DIVISORS = '1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei';

export function validateEnv(vars: readonly EnvVar[], at: Path): FieldError[] {
  return vars.flatMap((env, i) => {
    const own = at.index(i);
    const errors = env.name
      ? invalidEach(own.child('name'), env.name, isRelaxedEnvVarName(env.name))
      : [required(own.child('name'))];
    return [...errors, ...validateValueFrom(env, own.child('valueFrom'))];
  });
}

export function validateEnvFrom(sources: readonly EnvFromSource[], at: Path): FieldError[] {
  return sources.flatMap((source, i) => {
    const own = at.index(i);
    const errors: FieldError[] = [];
    if (source.prefix) {
      errors.push(
        ...invalidEach(own.child('prefix'), source.prefix, isRelaxedEnvVarName(source.prefix)),
      );
    }
    const { configMapRef, secretRef } = source;
    if (configMapRef) errors.push(...validateRef(configMapRef.name, own.child('configMapRef')));
    if (secretRef) errors.push(...validateRef(secretRef.name, own.child('secretRef')));
    if (!configMapRef && !secretRef) {
      errors.push(invalid(at, '', 'must specify one of: `configMapRef` or `secretRef`'));
    } else if (configMapRef && secretRef) {
      errors.push(invalid(at, '', 'may not have more than one field specified at a time'));
    }
    return errors;
  });
}

export function validateFieldSelector(
  selector: ObjectFieldSelector,
  allowed: readonly string[],
  at: Path,
): FieldError[] {
  if (!selector.apiVersion) return [required(at.child('apiVersion'))];
  if (!selector.fieldPath) return [required(at.child('fieldPath'))];
  const match = /^([^[\]]+)(?:\['(.*)'\])?$/.exec(selector.fieldPath);
  const [, field = selector.fieldPath, subscript] = match ?? [];
  if (subscript !== undefined) {
    if (field === 'metadata.annotations') return qualifiedName(subscript.toLowerCase(), at);
    if (field === 'metadata.labels') return qualifiedName(subscript, at);
    if (FIELD_LABELS.has(field)) return [invalid(at, field, 'does not support subscript')];
  }
  const label = field === 'spec.host' ? 'spec.nodeName' : field;
  if (selector.apiVersion !== 'v1') {
    const why = `error converting fieldPath: unsupported pod version: ${selector.apiVersion}`;
    return [invalid(at.child('fieldPath'), selector.fieldPath, why)];
  }
  if (!match || !FIELD_LABELS.has(label)) {
    const why = `error converting fieldPath: field label not supported: ${selector.fieldPath}`;
    return [invalid(at.child('fieldPath'), selector.fieldPath, why)];
  }
  return allowed.includes(label)
    ? []
    : [notSupported(at.child('fieldPath'), label, [...allowed].sort())];
}

export function validateResourceFieldSelector(
  selector: ResourceFieldSelector,
  at: Path,
  needsContainer: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  const resource = selector.resource ?? '';
  if (needsContainer && !selector.containerName) errors.push(required(at.child('containerName')));
  else if (resource === '') errors.push(required(at.child('resource')));
  else if (
    !RESOURCE_PATHS.includes(resource) &&
    !HUGE_PAGE_PREFIXES.some((prefix) => resource.startsWith(prefix))
  ) {
    errors.push(notSupported(at.child('resource'), resource, RESOURCE_PATHS));
  }
  return [...errors, ...validateDivisor(resource, selector.divisor, at.child('divisor'))];
}

function validateDivisor(
  resource: string,
  divisor: QuantityText | undefined,
  at: Path,
): FieldError[] {
  const quantity = divisor === undefined ? undefined : quantityOf(divisor);
  if (!quantity || quantity.isZero) return [];
  const text = quantity.toString();
  const name = resource.replace(/^(limits|requests)\./, '');
  if (name === 'cpu') {
    return text === '1m' || text === '1'
      ? []
      : [
          invalid(
            at,
            resource,
            "only divisor's values 1m and 1 are supported with the cpu resource",
          ),
        ];
  }
  const what =
    name === 'memory'
      ? 'memory'
      : name === 'ephemeral-storage'
        ? 'local ephemeral storage'
        : name.startsWith('hugepages-')
          ? 'hugepages'
          : undefined;
  if (!what || BYTE_DIVISORS.split(', ').includes(text)) return [];
  return [
    invalid(
      at,
      resource,
      `only divisor's values ${BYTE_DIVISORS} are supported with the ${what} resource`,
    ),
  ];
}

function validateValueFrom(env: EnvVar, at: Path): FieldError[] {
  const from = env.valueFrom;
  if (!from) return [];
  const errors: FieldError[] = [];
  let sources = 0;
  if (from.fieldRef) {
    sources++;
    errors.push(...validateFieldSelector(from.fieldRef, ENV_FIELD_PATHS, at.child('fieldRef')));
  }
  if (from.resourceFieldRef) {
    sources++;
    errors.push(
      ...validateResourceFieldSelector(from.resourceFieldRef, at.child('resourceFieldRef'), false),
    );
  }
  if (from.configMapKeyRef) {
    sources++;
    errors.push(...validateKeySelector(from.configMapKeyRef, at.child('configMapKeyRef')));
  }
  if (from.secretKeyRef) {
    sources++;
    errors.push(...validateKeySelector(from.secretKeyRef, at.child('secretKeyRef')));
  }
  if (from.fileKeyRef) {
    sources++;
    const own = at.child('fileKeyRef');
    errors.push(...nonEmpty(from.fileKeyRef.volumeName, own.child('volumeName')));
    errors.push(...nonEmpty(from.fileKeyRef.path, own.child('path')));
    errors.push(...localNonReservedPath(from.fileKeyRef.path ?? '', own.child('path')));
    errors.push(...nonEmpty(from.fileKeyRef.key, own.child('key')));
  }
  if (sources === 0) {
    const text =
      'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';
    errors.push(invalid(at, '', text));
  } else if (env.value) {
    errors.push(invalid(at, '', 'may not be specified when `value` is not empty'));
  } else if (sources > 1) {
    errors.push(invalid(at, '', 'may not have more than one field specified at a time'));
  }
  return errors;
}

function validateKeySelector(selector: { name?: string; key?: string }, at: Path): FieldError[] {
  const name = selector.name ?? '';
  const errors = invalidEach(at.child('name'), name, nameIsDNSSubdomain(name, false));
  if (!selector.key) errors.push(required(at.child('key')));
  else errors.push(...invalidEach(at.child('key'), selector.key, isConfigMapKey(selector.key)));
  return errors;
}

function validateRef(name: string | undefined, at: Path): FieldError[] {
  if (!name) return [required(at.child('name'))];
  return invalidEach(at.child('name'), name, nameIsDNSSubdomain(name, true));
}
