/**
 * The cluster's CA as a signer (`pkg/controller/certificates/authority`): subject, names and key are the
 * request's, purpose and life the policy's. Import it when there is something to sign (`await import`): the
 * library behind it is large.
 */
import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { SigningError } from './request.js';

x509.cryptoProvider.set(webcrypto);

/** A request and its answer may be on different clocks. */
const BACKDATE_MS = 5 * 60_000;
/** Of a shorter life nothing is lost to that. */
const SHORT_MS = 8 * 3600_000;

export interface AuthorityFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface Wanted {
  /** PEM. */
  readonly request: string;
  readonly usages: readonly string[];
  readonly lifeMs: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export class CertificateAuthority {
  private constructor(
    private readonly certificate: x509.X509Certificate,
    private readonly key: webcrypto.CryptoKey,
    private readonly algorithm: { readonly name: string; readonly hash: string },
  ) {}

  /** Both in PEM; the key may be RSA or of an elliptic curve. */
  static async load({ certificate, key }: AuthorityFiles): Promise<CertificateAuthority> {
    const privateKey = createPrivateKey(key);
    const der = privateKey.export({ type: 'pkcs8', format: 'der' });
    const rsa = privateKey.asymmetricKeyType === 'rsa';
    const algorithm = rsa
      ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
      : { name: 'ECDSA', hash: 'SHA-256', namedCurve: curveOf(privateKey.asymmetricKeyDetails) };
    const imported = await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
    return new CertificateAuthority(new x509.X509Certificate(certificate), imported, algorithm);
  }

  /** The certificate in PEM. Throws a SigningError for a request that cannot be signed. */
  async sign({ request: pem, usages, lifeMs, now }: Wanted): Promise<string> {
    const issuer = this.certificate;
    const request = new x509.Pkcs10CertificateRequest(pem);
    if (!(await request.verify())) throw new SigningError('invalid signature of the request');
    const end = issuer.notAfter.getTime();
    if (now >= end)
      throw new SigningError(
        `refusing to sign a certificate that expired in the past: NotAfter ${issuer.notAfter.toISOString()}`,
      );
    const notBefore = now - BACKDATE_MS;
    const notAfter = Math.min((lifeMs < SHORT_MS ? now : notBefore) + lifeMs, end);
    const names = request.extensions.find((e) => e instanceof x509.SubjectAlternativeNameExtension);
    const { keyUsages, extended } = purposesOf(usages);
    const made = await x509.X509CertificateGenerator.create({
      serialNumber: serial(),
      subject: request.subjectName.toJSON(),
      issuer: issuer.subjectName.toJSON(),
      notBefore: new Date(notBefore),
      notAfter: new Date(notAfter),
      signingAlgorithm: this.algorithm,
      publicKey: request.publicKey,
      signingKey: this.key,
      extensions: [
        ...(keyUsages === 0 ? [] : [new x509.KeyUsagesExtension(keyUsages, true)]),
        ...(extended.length === 0 ? [] : [new x509.ExtendedKeyUsageExtension(extended)]),
        new x509.BasicConstraintsExtension(false, undefined, true),
        await x509.AuthorityKeyIdentifierExtension.create(issuer),
        ...(names ? [names] : []),
      ],
    });
    return `${made.toString('pem')}\n`;
  }
}

function purposesOf(usages: readonly string[]): { keyUsages: number; extended: string[] } {
  const { KeyUsageFlags: flag, ExtendedKeyUsage: purpose } = x509;
  const flags: Readonly<Record<string, number>> = {
    signing: flag.digitalSignature,
    'digital signature': flag.digitalSignature,
    'content commitment': flag.nonRepudiation,
    'key encipherment': flag.keyEncipherment,
    'key agreement': flag.keyAgreement,
    'data encipherment': flag.dataEncipherment,
    'cert sign': flag.keyCertSign,
    'crl sign': flag.cRLSign,
    'encipher only': flag.encipherOnly,
    'decipher only': flag.decipherOnly,
  };
  const purposes: Readonly<Record<string, string>> = {
    any: '2.5.29.37.0',
    'server auth': purpose.serverAuth,
    'client auth': purpose.clientAuth,
    'code signing': purpose.codeSigning,
    'email protection': purpose.emailProtection,
    's/mime': purpose.emailProtection,
    'ipsec end system': '1.3.6.1.5.5.7.3.5',
    'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
    'ipsec user': '1.3.6.1.5.5.7.3.7',
    timestamping: purpose.timeStamping,
    'ocsp signing': purpose.ocspSigning,
    'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
    'netscape sgc': '2.16.840.1.113730.4.1',
  };
  let keyUsages = 0;
  const extended: string[] = [];
  for (const usage of [...new Set(usages)].sort()) {
    const oid = purposes[usage];
    const bits = flags[usage];
    if (bits !== undefined) keyUsages |= bits;
    else if (oid !== undefined) extended.push(oid);
    else throw new SigningError(`unrecognized usage value: ${JSON.stringify(usage)}`);
  }
  return { keyUsages, extended };
}

function curveOf(details: { namedCurve?: string } | undefined): string {
  const curves: Readonly<Record<string, string>> = {
    prime256v1: 'P-256',
    secp384r1: 'P-384',
    secp521r1: 'P-521',
  };
  const curve = curves[details?.namedCurve ?? ''];
  if (curve === undefined) throw new Error('the key of the CA is of no kind that can sign');
  return curve;
}

/** Positive, as X.509 demands. */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes.toString('hex');
}
