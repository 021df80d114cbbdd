/**
 * What a CertificateSigningRequest asks for, and whether its signer may give it
 * (`pkg/apis/certificates`, `pkg/controller/certificates/signer`).
 */
import type { CertificateSigningRequest } from '../../pkg/api/types.js';
import type {
  AlternativeName,
  CertificateRequest,
} from '../../pkg/component/certificate-request.js';

export const CLIENT = 'kubernetes.io/kube-apiserver-client';
export const KUBELET_CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';
export const KUBELET_SERVING = 'kubernetes.io/kubelet-serving';
export const LEGACY_UNKNOWN = 'kubernetes.io/legacy-unknown';

const NODES = 'system:nodes';
const NODE_PREFIX = 'system:node:';

/** What cannot be signed, now or later. */
export class SigningError extends Error {}

/** Throws for what is no request. */
export async function parseRequest(csr: CertificateSigningRequest): Promise<CertificateRequest> {
  const { readCertificateRequest } = await import('../../pkg/component/certificate-request.js');
  return readCertificateRequest(Buffer.from(csr.spec.request, 'base64').toString('utf8'));
}

export function hasCondition(csr: CertificateSigningRequest, type: string): boolean {
  return csr.status?.conditions?.some((c) => c.type === type && c.status !== 'False') === true;
}

/** Why the signer refuses; undefined: it signs. */
export function signerProblem(
  signer: string,
  request: CertificateRequest,
  usages: readonly string[],
): string | undefined {
  switch (signer) {
    case CLIENT:
      return clientProblem(usages);
    case KUBELET_CLIENT:
      return nodeClientProblem(request, usages);
    case KUBELET_SERVING:
      return nodeServingProblem(request, usages);
    default:
      return undefined;
  }
}

function clientProblem(usages: readonly string[]): string | undefined {
  const optional = ['digital signature', 'key encipherment'];
  const wrong = usages.find((usage) => usage !== 'client auth' && !optional.includes(usage));
  if (wrong !== undefined) return `invalid usage for client certificate: ${wrong}`;
  return usages.includes('client auth')
    ? undefined
    : 'missing required usage for client certificate: client auth';
}

/** Of a kubelet's own client certificate. */
export function nodeClientProblem(
  { organizations, commonName, names }: CertificateRequest,
  usages: readonly string[],
): string | undefined {
  if (!isNodes(organizations)) return 'subject organization is not system:nodes';
  return (
    notAllowed(names, ['dns', 'email', 'ip', 'url']) ??
    nodeNameProblem(commonName) ??
    usagesProblem(usages, 'client auth')
  );
}

function nodeServingProblem(
  { organizations, commonName, names }: CertificateRequest,
  usages: readonly string[],
): string | undefined {
  if (!isNodes(organizations)) return 'subject organization is not system:nodes';
  if (!names.some(({ type }) => type === 'dns' || type === 'ip'))
    return 'DNS or IP subjectAltName is required';
  return (
    notAllowed(names, ['email', 'url']) ??
    usagesProblem(usages, 'server auth') ??
    nodeNameProblem(commonName)
  );
}

function isNodes(organizations: readonly string[]): boolean {
  return organizations.length === 1 && organizations[0] === NODES;
}

function nodeNameProblem(commonName: string): string | undefined {
  return commonName.startsWith(NODE_PREFIX)
    ? undefined
    : 'subject common name does not begin with system:node:';
}

function notAllowed(
  names: readonly AlternativeName[],
  types: readonly string[],
): string | undefined {
  const texts: Readonly<Record<string, string>> = { dns: 'DNS', ip: 'IP', url: 'URI' };
  const found = types.find((type) => names.some((name) => name.type === type));
  return found && `${texts[found] ?? found} subjectAltNames are not allowed`;
}

/** Key encipherment is of RSA keys alone. */
function usagesProblem(usages: readonly string[], purpose: string): string | undefined {
  const required = ['digital signature', 'key encipherment', purpose].sort();
  const given = [...new Set(usages)].sort();
  const same = (wanted: readonly string[]) =>
    wanted.length === given.length && wanted.every((usage, i) => usage === given[i]);
  if (same(required) || same(required.filter((usage) => usage !== 'key encipherment')))
    return undefined;
  return `usages did not match [${required.join(' ')}]`;
}
