/**
 * CertificateApproval, CertificateSigning and CertificateSubjectRestriction: who approves or signs needs the
 * right to do so for that signer, and nobody asks for a certificate that would make them system:masters.
 */
import type { CertificateSigningRequest } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import { MASTERS } from '../../authz/authorizers.js';
import type { RequestContext, ServerAccess } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import { refuse } from '../refuse.js';

const GROUP = 'certificates.k8s.io';
const RESOURCE = 'certificatesigningrequests';
const CLIENT_SIGNER = 'kubernetes.io/kube-apiserver-client';

export const certificateApproval: AdmissionPluginFactory = {
  name: 'CertificateApproval',
  create: (server) => ({
    name: 'CertificateApproval',
    handles: (operation, group, resource, subresource) =>
      operation === 'UPDATE' &&
      group === GROUP &&
      resource === RESOURCE &&
      subresource === 'approval',
    validate: (attributes, ctx) => checkSigner(server, attributes, ctx, 'approve'),
  }),
};

export const certificateSigning: AdmissionPluginFactory = {
  name: 'CertificateSigning',
  create: (server) => ({
    name: 'CertificateSigning',
    handles: (operation, group, resource, subresource) =>
      operation === 'UPDATE' &&
      group === GROUP &&
      resource === RESOURCE &&
      subresource === 'status',
    async validate(attributes, ctx) {
      const { status } = attributes.object as CertificateSigningRequest;
      const { status: old } = attributes.oldObject as CertificateSigningRequest;
      const same =
        status?.certificate === old?.certificate &&
        semanticDeepEqual(status?.conditions ?? [], old?.conditions ?? []);
      if (!same) await checkSigner(server, attributes, ctx, 'sign');
    },
  }),
};

export const certificateSubjectRestriction: AdmissionPluginFactory = {
  name: 'CertificateSubjectRestriction',
  create: () => ({
    name: 'CertificateSubjectRestriction',
    handles: (operation, group, resource, subresource) =>
      operation === 'CREATE' && group === GROUP && resource === RESOURCE && subresource === '',
    async validate(attributes) {
      const { spec } = attributes.object as CertificateSigningRequest;
      if (spec.signerName !== CLIENT_SIGNER) return;
      if ((await organizationsOf(attributes, spec.request)).includes(MASTERS))
        throw refuse(
          attributes,
          `use of ${spec.signerName} signer with ${MASTERS} group is not allowed`,
        );
    },
  }),
};

async function organizationsOf(
  attributes: AdmissionAttributes,
  request: string,
): Promise<readonly string[]> {
  // Loaded by the first who needs it: few servers ever see such a request.
  const { readCertificateRequest } = await import('../../../pkg/component/certificate-request.js');
  try {
    const pem = Buffer.from(request, 'base64').toString('utf8');
    return readCertificateRequest(pem).organizations;
  } catch (err) {
    throw refuse(
      attributes,
      `failed to parse CSR: ${err instanceof Error ? err.message : String(err)}`,
    );
  }
}

/** By the signer's own name, or by its domain. The signer of a stored request never changes. */
async function checkSigner(
  server: ServerAccess,
  attributes: AdmissionAttributes,
  { user }: RequestContext,
  verb: 'approve' | 'sign',
): Promise<void> {
  const { spec } = attributes.oldObject as CertificateSigningRequest;
  const domain = spec.signerName.split('/', 1)[0];
  for (const name of [spec.signerName, `${domain}/*`]) {
    const { allowed } = await server.authorize({
      user,
      verb,
      namespace: '',
      group: GROUP,
      version: '*',
      resource: 'signers',
      subresource: '',
      name,
      isResourceRequest: true,
      path: '',
    });
    if (allowed) return;
  }
  throw refuse(
    attributes,
    `user not permitted to ${verb} requests with signerName ${JSON.stringify(spec.signerName)}`,
  );
}
