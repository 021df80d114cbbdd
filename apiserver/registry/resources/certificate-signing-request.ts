/**
 * CertificateSigningRequest: someone asks for a certificate; others approve it (`/approval`) and sign it
 * (`/status`). Who asked is filled in by the server and never changes.
 */

import type { CertificateSigningRequest } from '../../../pkg/api/types.js';
import { humanDuration } from '../../../pkg/apimachinery/duration.js';
import { formatTime } from '../../../pkg/apimachinery/meta.js';
import { nameIsPathSegment } from '../../../pkg/apimachinery/validation/names.js';
import type { RequestContext } from '../../server/request-context.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition, Strategy } from '../resource.js';
import {
  validateSigningRequest,
  validateSigningRequestUpdate,
} from '../validation/certificate-signing-request.js';

type Conditions = NonNullable<NonNullable<CertificateSigningRequest['status']>['conditions']>;

const approval: Strategy<CertificateSigningRequest> = {
  prepareForUpdate(obj, old, ctx) {
    const conditions = obj.status?.conditions ?? [];
    obj.spec = old.spec;
    obj.status = { ...old.status, conditions };
    if (conditions.length === 0) delete obj.status.conditions;
    stamp(conditions, old.status?.conditions ?? [], ctx);
  },
  validateUpdate: (obj, old) => validateSigningRequestUpdate(obj, old, { approve: true }),
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
      obj.spec = old.spec;
      if (old.status) obj.status = old.status;
    },
    validate: (obj) => validateSigningRequest(obj),
    validateUpdate: (obj, old) => validateSigningRequestUpdate(obj, old),
    // Any name that a path can have.
    validateName: nameIsPathSegment,
    allowCreateOnUpdate: true,
    status: {
      prepareForUpdate(obj, old, ctx) {
        stamp(obj.status?.conditions ?? [], old.status?.conditions ?? [], ctx);
      },
      validateUpdate: (obj, old) => validateSigningRequestUpdate(obj, old, { sign: true }),
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
