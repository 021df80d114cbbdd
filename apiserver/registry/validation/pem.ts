/** Certificates in PEM, as a signer hands them out. */
import { X509Certificate } from 'node:crypto';

const BLOCK_RE = /-----BEGIN ([^-\n]+)-----\r?\n([\s\S]*?)-----END \1-----/g;

/** Why a text is no certificate, or no chain of them. */
export function certificateFault(pem: string): string | undefined {
  const blocks = [...pem.matchAll(BLOCK_RE)];
  for (const [block, type = '', content = ''] of blocks) {
    if (type !== 'CERTIFICATE') {
      return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    }
    if (content.includes(':')) return 'no PEM block headers are permitted';
    try {
      new X509Certificate(block);
    } catch {
      return 'x509: malformed certificate';
    }
  }
  return blocks.length > 0 ? undefined : 'must contain at least one CERTIFICATE PEM block';
}
