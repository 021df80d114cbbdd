/**
 * CertificateSigningRequests: a request in PEM that its own key signed, usages and a signer that are known by their names, conditions
 * of which none is both, and a certificate that is written once. Who may write which part depends on the
 * subresource.
 */
import { ENUMS } from '../../../pkg/api/schema/facts-enums.js';
import type { CertificateSigningRequest } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  path,
  required,
  tooLong,
} from '../../../pkg/apimachinery/field-error.js';
import { goQuote } from '../../../pkg/apimachinery/go-format.js';
import {
  DNS1123_LABEL_MAX,
  DNS1123_SUBDOMAIN_MAX,
  isDNS1123Label,
  isDNS1123Subdomain,
} from '../../../pkg/apimachinery/validation/names.js';
import { certificateRequestFault } from './certificate-request-signature.js';
import { certificateFault } from './pem.js';

type Conditions = NonNullable<NonNullable<CertificateSigningRequest['status']>['conditions']>;

const SPEC = path('spec');
const CONDITIONS = path('status', 'conditions');
const CERTIFICATE = path('status', 'certificate');
const MIN_SECONDS = 600;
const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown';
const STATUSES = ['False', 'True', 'Unknown'];
/** Conditions that are never taken back, and are never false. */
const FINAL = ['Approved', 'Denied', 'Failed'];
/** Those that only `/approval` sets. */
const APPROVALS = ['Approved', 'Denied'];
const MAX_SIGNER = 2 * DNS1123_SUBDOMAIN_MAX + DNS1123_LABEL_MAX + 2;

export function validateSigningRequest(
  obj: CertificateSigningRequest,
  old?: CertificateSigningRequest,
): FieldError[] {
  const { spec, status = {} } = obj;
  const errors: FieldError[] = [];
  const pem = Buffer.from(spec.request ?? '', 'base64').toString('latin1');
  const fault = certificateRequestFault(pem);
  if (fault !== undefined) errors.push(invalid(SPEC.child('request'), spec.request, fault));
  errors.push(...validateUsages(spec.usages ?? [], SPEC.child('usages')));
  const signer = SPEC.child('signerName');
  if (spec.signerName === LEGACY_SIGNER && old?.spec.signerName !== LEGACY_SIGNER) {
    const text = 'the legacy signerName is not allowed via this API version';
    errors.push(invalid(signer, spec.signerName, text));
  } else errors.push(...validateSignerName(spec.signerName ?? '', signer));
  const seconds = spec.expirationSeconds;
  if (seconds !== undefined && seconds < MIN_SECONDS) {
    const text = 'may not specify a duration less than 600 seconds (10 minutes)';
    errors.push(invalid(SPEC.child('expirationSeconds'), seconds, text));
  }
  errors.push(...validateConditions(status.conditions ?? []));
  if (status.certificate && status.certificate !== old?.status?.certificate) {
    const why = certificateFault(Buffer.from(status.certificate, 'base64').toString('latin1'));
    if (why !== undefined) errors.push(invalid(CERTIFICATE, '<certificate data>', why));
  }
  return errors;
}

export function validateSigningRequestUpdate(
  obj: CertificateSigningRequest,
  old: CertificateSigningRequest,
  may: { readonly approve?: boolean; readonly sign?: boolean } = {},
): FieldError[] {
  const errors = validateSigningRequest(obj, old);
  const of = (request: CertificateSigningRequest, type: string) =>
    (request.status?.conditions ?? []).filter((condition) => condition.type === type);
  for (const type of FINAL) {
    if (of(obj, type).length >= of(old, type).length) continue;
    errors.push(
      forbidden(CONDITIONS, `updates may not remove a condition of type ${goQuote(type)}`),
    );
  }
  for (const type of may.approve ? [] : APPROVALS) {
    const [now, before] = [of(obj, type), of(old, type)];
    if (now.length < before.length || semanticDeepEqual(now, before)) continue;
    const what = now.length > before.length ? 'add' : 'modify';
    errors.push(
      forbidden(CONDITIONS, `updates may not ${what} a condition of type ${goQuote(type)}`),
    );
  }
  const before = old.status?.certificate ?? '';
  if ((obj.status?.certificate ?? '') === before) return errors;
  if (!may.sign) errors.push(forbidden(CERTIFICATE, 'updates may not set certificate content'));
  else if (before !== '') {
    errors.push(forbidden(CERTIFICATE, 'updates may not modify existing certificate content'));
  }
  return errors;
}

function validateUsages(usages: readonly string[], at: Path): FieldError[] {
  const known = ENUMS['KeyUsage'] ?? [];
  const errors = usages.length === 0 ? [required(at)] : [];
  usages.forEach((usage, i) => {
    if (!known.includes(usage)) errors.push(notSupported(at.index(i), usage, known));
  });
  usages.forEach((usage, i) => {
    if (usages.indexOf(usage) < i) errors.push(duplicate(at.index(i), usage));
  });
  return errors;
}

/** `example.com/signer-name` */
function validateSignerName(name: string, at: Path): FieldError[] {
  if (name === '') return [required(at)];
  const [domain = '', rest = '', ...more] = name.split('/');
  if (!name.includes('/') || more.length > 0) {
    const text = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    return [invalid(at, name, text)];
  }
  const errors: FieldError[] = [];
  if (Buffer.byteLength(domain) > DNS1123_SUBDOMAIN_MAX)
    errors.push(tooLong(at, DNS1123_SUBDOMAIN_MAX));
  errors.push(...validateParts(domain, isDNS1123Label, at));
  if (!domain.includes('.')) {
    const text = 'should be a domain with at least two segments separated by dots';
    errors.push(invalid(at, domain, text));
  }
  errors.push(...validateParts(rest, isDNS1123Subdomain, at));
  if (Buffer.byteLength(name) > MAX_SIGNER) errors.push(tooLong(at, MAX_SIGNER));
  return errors;
}

/** Only the first part that is wrong is told. */
function validateParts(text: string, check: (part: string) => string[], at: Path): FieldError[] {
  for (const part of text.split('.')) {
    const wrong = check(part);
    if (wrong.length === 0) continue;
    return wrong.map((why) => invalid(at, text, `validating label ${goQuote(part)}: ${why}`));
  }
  return [];
}

function validateConditions(conditions: Conditions): FieldError[] {
  const errors: FieldError[] = [];
  conditions.forEach(({ type, status }, i) => {
    const at = CONDITIONS.index(i);
    const before = conditions.slice(0, i).map((condition) => condition.type);
    if (!type) errors.push(required(at.child('type')));
    const allowed = FINAL.includes(type) ? ['True'] : STATUSES;
    if (!status) errors.push(required(at.child('status')));
    else if (!allowed.includes(status)) {
      errors.push(notSupported(at.child('status'), status, allowed));
    }
    const other = { Approved: 'Denied', Denied: 'Approved' }[type];
    if (other !== undefined && before.includes(other)) {
      const text = 'Approved and Denied conditions are mutually exclusive';
      errors.push(invalid(at.child('type'), type, text));
    }
    if (before.includes(type)) errors.push(duplicate(at.child('type'), type));
  });
  return errors;
}
