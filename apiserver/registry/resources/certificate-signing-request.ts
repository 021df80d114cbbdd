/**
 * CertificateSigningRequest: someone asks for a certificate; others approve it (`/approval`) and sign it
 * (`/status`). Who asked is filled in by the server and never changes.
 */

import { ENUMS } from '../../../pkg/api/schema/facts-enums.js';
import type { CertificateSigningRequest } from '../../../pkg/api/types.js';
import { humanDuration } from '../../../pkg/apimachinery/duration.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  invalid,
  notSupported,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { formatTime } from '../../../pkg/apimachinery/meta.js';
import {
  isDNS1123Subdomain,
  nameIsDNSSubdomain,
} from '../../../pkg/apimachinery/validation/names.js';
import { FIELD_IMMUTABLE } from '../../../pkg/apimachinery/validation/object-meta.js';
import type { RequestContext } from '../../server/request-context.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition, Strategy } from '../resource.js';

type Conditions = NonNullable<NonNullable<CertificateSigningRequest['status']>['conditions']>;

const MIN_EXPIRATION_SECONDS = 600;
/** Conditions that only `/approval` may set. */
const APPROVALS = ['Approved', 'Denied'];
/** Only the server fills them in. */
const REQUESTER_FIELDS = ['username', 'uid', 'groups', 'extra'] as const;

const approval: Strategy<CertificateSigningRequest> = {
  prepareForUpdate(obj, old, ctx) {
    const conditions = obj.status?.conditions ?? [];
    obj.spec = old.spec;
    obj.status = { ...old.status, conditions };
    if (conditions.length === 0) delete obj.status.conditions;
    stamp(conditions, old.status?.conditions ?? [], ctx);
  },
  validateUpdate(obj, old) {
    const errors = validateConditions(obj.status?.conditions ?? []);
    for (const { type } of changed(obj, old)) {
      if (APPROVALS.includes(type)) continue;
      errors.push(
        invalid('status.conditions', type, 'only Approved and Denied may be changed here'),
      );
    }
    return errors;
  },
};

export const certificateSigningRequest: ResourceDefinition<CertificateSigningRequest> = {
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  resource: 'certificatesigningrequests',
  singular: 'certificatesigningrequest',
  namespaced: false,
  shortNames: ['csr'],
  definition: 'io.k8s.api.certificates.v1.CertificateSigningRequest',
  columns: [
    nameColumn(),
    ageColumn(),
    textColumn('SignerName', 'Who shall sign.', (obj) => obj.spec.signerName),
    textColumn('Requestor', 'Who asked.', (obj) => obj.spec.username ?? ''),
    textColumn('RequestedDuration', 'How long the certificate shall be good.', ({ spec }) =>
      spec.expirationSeconds === undefined
        ? '<none>'
        : humanDuration(spec.expirationSeconds * 1000),
    ),
    textColumn('Condition', 'How far it is.', conditionText),
  ],
  strategy: {
    prepareForCreate(obj, ctx) {
      const { name, uid, groups, extra } = ctx.user;
      obj.spec.username = name;
      if (uid) obj.spec.uid = uid;
      else delete obj.spec.uid;
      obj.spec.groups = [...groups];
      if (extra) {
        obj.spec.extra = Object.fromEntries(
          Object.entries(extra).map(([key, list]) => [key, [...list]]),
        );
      } else delete obj.spec.extra;
      obj.status = {};
    },
    prepareForUpdate(obj, old) {
      for (const field of REQUESTER_FIELDS) {
        if (old.spec[field] === undefined) delete obj.spec[field];
        else Object.assign(obj.spec, { [field]: old.spec[field] });
      }
      if (old.status) obj.status = old.status;
    },
    validate,
    validateUpdate: (obj, old) =>
      semanticDeepEqual(obj.spec, old.spec) ? [] : [invalid('spec', obj.spec, FIELD_IMMUTABLE)],
    validateName: nameIsDNSSubdomain,
    allowCreateOnUpdate: true,
    status: {
      prepareForUpdate(obj, old, ctx) {
        stamp(obj.status?.conditions ?? [], old.status?.conditions ?? [], ctx);
      },
      validateUpdate(obj, old) {
        const errors = validateConditions(obj.status?.conditions ?? []);
        for (const { type } of changed(obj, old)) {
          if (!APPROVALS.includes(type)) continue;
          errors.push(
            invalid(
              'status.conditions',
              type,
              `updates may not add or change a condition of type "${type}"`,
            ),
          );
        }
        return errors;
      },
    },
    selectableFields: (obj) => ({ 'spec.signerName': obj.spec?.signerName ?? '' }),
  },
  subresources: [
    {
      name: 'approval',
      kind: { group: 'certificates.k8s.io', version: 'v1', kind: 'CertificateSigningRequest' },
      verbs: ['get', 'patch', 'update'],
      strategy: approval,
    },
  ],
};

/** `Pending`, `Approved,Issued`, `Denied`, `Approved,Failed` */
function conditionText({ status = {} }: CertificateSigningRequest): string {
  const has = (type: string) => status.conditions?.some((condition) => condition.type === type);
  let text = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  if (has('Failed')) text += ',Failed';
  return status.certificate ? `${text},Issued` : text;
}

function stamp(conditions: Conditions, old: Conditions, ctx: RequestContext): void {
  const now = formatTime(new Date(ctx.clock.now()));
  for (const condition of conditions) {
    const before = old.find(({ type }) => type === condition.type);
    condition.lastUpdateTime ??= now;
    condition.lastTransitionTime ??=
      before?.status === condition.status ? (before.lastTransitionTime ?? now) : now;
  }
}

function changed(obj: CertificateSigningRequest, old: CertificateSigningRequest): Conditions {
  const all = [...(obj.status?.conditions ?? []), ...(old.status?.conditions ?? [])];
  const same = ({ type }: { type: string }) =>
    semanticDeepEqual(
      obj.status?.conditions?.find((c) => c.type === type),
      old.status?.conditions?.find((c) => c.type === type),
    );
  return all.filter((condition) => !same(condition));
}

function validate({ spec }: CertificateSigningRequest): FieldError[] {
  const at = path('spec');
  const errors: FieldError[] = [];
  const pem = Buffer.from(spec.request ?? '', 'base64').toString('latin1');
  if (!/-----BEGIN CERTIFICATE REQUEST-----[\s\S]+-----END CERTIFICATE REQUEST-----/.test(pem)) {
    errors.push(
      invalid(at.child('request'), spec.request, 'PEM block type must be CERTIFICATE REQUEST'),
    );
  }
  const usages = spec.usages ?? [];
  if (usages.length === 0) errors.push(required(at.child('usages')));
  usages.forEach((usage, i) => {
    const known = ENUMS['KeyUsage'] ?? [];
    if (!known.includes(usage))
      errors.push(notSupported(at.child('usages').index(i), usage, known));
  });
  const signer = spec.signerName ?? '';
  const [domain = '', ...rest] = signer.split('/');
  if (signer === '') errors.push(required(at.child('signerName')));
  else if (rest.length !== 1 || rest[0] === '') {
    errors.push(
      invalid(
        at.child('signerName'),
        signer,
        'must be a fully qualified domain and path of the form "example.com/signer-name"',
      ),
    );
  } else {
    errors.push(
      ...isDNS1123Subdomain(domain).map((why) =>
        invalid(at.child('signerName'), domain, `validating label "${domain}": ${why}`),
      ),
    );
    if (!domain.includes('.')) {
      errors.push(
        invalid(
          at.child('signerName'),
          domain,
          'should be a domain with at least two segments separated by dots',
        ),
      );
    }
  }
  const seconds = spec.expirationSeconds;
  if (seconds !== undefined && seconds < MIN_EXPIRATION_SECONDS) {
    errors.push(
      invalid(
        at.child('expirationSeconds'),
        seconds,
        'may not specify a duration less than 600 seconds (10 minutes)',
      ),
    );
  }
  return errors;
}

function validateConditions(conditions: Conditions): FieldError[] {
  const errors: FieldError[] = [];
  conditions.forEach(({ type, status }, i) => {
    const at = path('status', 'conditions').index(i);
    if (!type) errors.push(required(at.child('type')));
    if (!status) errors.push(required(at.child('status')));
    else if (APPROVALS.includes(type) && status !== 'True') {
      errors.push(notSupported(at.child('status'), status, ['True']));
    }
  });
  const types = conditions.map(({ type }) => type);
  if (types.includes('Approved') && types.includes('Denied')) {
    errors.push(
      invalid('status.conditions', types, 'Approved and Denied conditions are mutually exclusive'),
    );
  }
  return errors;
}
