/**
 * Credentials that a cluster has not given out, made with its own keys or with a stranger's: certificates
 * with anything in them, and ServiceAccount tokens with any claims.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { importPKCS8, type JWTPayload, SignJWT } from 'jose';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateOptions {
  readonly commonName?: string;
  readonly organization?: string;
  /** A file of the cluster's pki folder; a stranger's by default. */
  readonly authority?: 'ca' | 'front-proxy-ca';
  readonly usage?: 'client' | 'server';
  /** Days from now. */
  readonly from?: number;
  readonly until?: number;
}

export async function certificate(pki: string, options: CertificateOptions): Promise<KeyPair> {
  const { usage = 'client', from = -1, until = 1 } = options;
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const authority = options.authority ? await authorityOf(pki, options.authority) : undefined;
  const made = await x509.X509CertificateGenerator.create({
    subject: [
      ...(options.organization ? [{ O: [options.organization] }] : []),
      ...(options.commonName ? [{ CN: [options.commonName] }] : [{ OU: ['nobody'] }]),
    ],
    issuer: authority?.certificate.subjectName.toJSON() ?? [{ CN: ['kubernetes'] }],
    notBefore: new Date(Date.now() + from * DAY_MS),
    notAfter: new Date(Date.now() + until * DAY_MS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authority?.key ?? keys.privateKey,
    extensions: [
      new x509.ExtendedKeyUsageExtension([
        usage === 'client' ? x509.ExtendedKeyUsage.clientAuth : x509.ExtendedKeyUsage.serverAuth,
      ]),
    ],
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return { cert: made.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY') };
}

/** A request for a certificate, in base64 as a CertificateSigningRequest holds it. */
export async function certificateRequest(subject: x509.JsonName): Promise<string> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subject,
    keys,
    signingAlgorithm: ALGORITHM,
  });
  return Buffer.from(request.toString('pem')).toString('base64');
}

/** The claims of a token that the cluster gave, changed, and signed with the cluster's key or another. */
export async function resigned(
  token: string,
  changes: JWTPayload,
  signer: { pki: string } | 'stranger',
): Promise<string> {
  const [head = '', body = ''] = token.split('.');
  const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
  const key =
    signer === 'stranger'
      ? (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])).privateKey
      : await importPKCS8(readFileSync(join(signer.pki, 'sa.key'), 'utf8'), 'ES256');
  return new SignJWT({ ...decode(body), ...changes }).setProtectedHeader(decode(head)).sign(key);
}

/** The same claims, of which it says that nobody need sign them. */
export function unsigned(token: string): string {
  const head = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url');
  return `${head}.${token.split('.')[1]}.`;
}

async function authorityOf(pki: string, name: string) {
  const pem = (file: string) => readFileSync(join(pki, file), 'utf8');
  const der = x509.PemConverter.decodeFirst(pem(`${name}.key`));
  return {
    certificate: new x509.X509Certificate(pem(`${name}.crt`)),
    key: await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']),
  };
}
