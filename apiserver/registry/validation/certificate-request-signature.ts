/**
 * Whether a PKCS #10 request was signed with the key that it asks a certificate for, as Go's `x509` says it:
 *
 *   SEQUENCE { SEQUENCE { version, subject, key, attributes }   what is signed
 *              SEQUENCE { algorithm, parameters }
 *              BIT STRING }                                     the signature
 */
import {
  constants,
  createPublicKey,
  type KeyObject,
  type VerifyKeyObjectInput,
  verify,
} from 'node:crypto';

const BLOCK_RE = /-----BEGIN ([^-\n]+)-----\r?\n([\s\S]*?)-----END \1-----/;
const HEADER_RE = /^[^\n]*:[^\n]*\n/gm;
const SEQUENCE = 0x30;
const BIT_STRING = 0x03;
const OBJECT_ID = 0x06;
const INTEGER = 0x02;
const UNIMPLEMENTED = 'x509: cannot verify signature: algorithm unimplemented';
const WRONG_TAG = "asn1: structure error: tags don't match";

interface Algorithm {
  readonly key: 'rsa' | 'ec' | 'ed25519';
  readonly hash: string | null;
  readonly pss?: boolean;
}

/** By the bytes of their identifiers, in hex. */
const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  '2a864886f70d010105': { key: 'rsa', hash: 'sha1' },
  '2a864886f70d01010b': { key: 'rsa', hash: 'sha256' },
  '2a864886f70d01010c': { key: 'rsa', hash: 'sha384' },
  '2a864886f70d01010d': { key: 'rsa', hash: 'sha512' },
  '2a864886f70d01010a': { key: 'rsa', hash: 'sha1', pss: true },
  '2a8648ce3d0401': { key: 'ec', hash: 'sha1' },
  '2a8648ce3d040302': { key: 'ec', hash: 'sha256' },
  '2a8648ce3d040303': { key: 'ec', hash: 'sha384' },
  '2a8648ce3d040304': { key: 'ec', hash: 'sha512' },
  '2b6570': { key: 'ed25519', hash: null },
};
/** The hash of an RSA-PSS signature stands in its parameters. */
const PSS_HASHES: Readonly<Record<string, string>> = {
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
};
const INSECURE: Readonly<Record<string, string>> = {
  '2a864886f70d010102': 'MD2-RSA',
  '2a864886f70d010104': 'MD5-RSA',
};
const KEY_NAMES = { rsa: 'an RSA', ec: 'an ECDSA', ed25519: 'an Ed25519' } as const;
const GO_KEYS: Readonly<Record<string, string>> = {
  rsa: '*rsa.PublicKey',
  ec: '*ecdsa.PublicKey',
  ed25519: 'ed25519.PublicKey',
};
const FAILURES = {
  rsa: 'crypto/rsa: verification error',
  ec: 'x509: ECDSA verification failure',
  ed25519: 'x509: Ed25519 verification failure',
} as const;

/** Why a text is no request of this form; undefined for one that is well signed. */
export function certificateRequestFault(pem: string): string | undefined {
  const [, type, content = ''] = BLOCK_RE.exec(pem) ?? [];
  if (type !== 'CERTIFICATE REQUEST') return 'PEM block type must be CERTIFICATE REQUEST';
  try {
    return signatureFault(Buffer.from(content.replaceAll(HEADER_RE, ''), 'base64'));
  } catch (err) {
    if (err instanceof Malformed) return err.message;
    throw err;
  }
}

class Malformed extends Error {}

interface Element {
  readonly tag: number;
  /** With tag and length. */
  readonly raw: Buffer;
  readonly content: Buffer;
}

function signatureFault(der: Buffer): string | undefined {
  const [request, ...rest] = elementsOf(der);
  if (rest.length > 0) throw new Malformed('asn1: syntax error: trailing data');
  const [signed, algorithm, signature] = elementsOf(contentOf(request, SEQUENCE));
  const [version, , publicKey] = elementsOf(contentOf(signed, SEQUENCE));
  contentOf(version, INTEGER);
  contentOf(publicKey, SEQUENCE);
  const [identifier, parameters] = elementsOf(contentOf(algorithm, SEQUENCE));
  const bits = contentOf(signature, BIT_STRING);
  const id = contentOf(identifier, OBJECT_ID).toString('hex');
  const insecure = INSECURE[id];
  if (insecure) return `x509: cannot verify signature: insecure algorithm ${insecure}`;
  const known = ALGORITHMS[id];
  if (!known || !signed || !publicKey) return UNIMPLEMENTED;
  const hash = known.pss ? pssHash(parameters) : known.hash;
  if (hash === undefined) return UNIMPLEMENTED;
  const key = readKey(publicKey.raw);
  const keyType = key.asymmetricKeyType ?? '';
  if (keyType !== known.key)
    return `x509: signature algorithm specifies ${KEY_NAMES[known.key]} public key, but have public key of type ${GO_KEYS[keyType] ?? keyType}`;
  const padding = known.pss
    ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO }
    : {};
  // The first byte counts the bits that are not used, of which there are none.
  return isSigned(hash, signed.raw, { key, ...padding }, bits.subarray(1))
    ? undefined
    : FAILURES[known.key];
}

/** A signature that is not even of the key's form is none. */
function isSigned(hash: string | null, data: Buffer, key: VerifyKeyObjectInput, by: Buffer) {
  try {
    return verify(hash, data, key, by);
  } catch {
    return false;
  }
}

function readKey(der: Buffer): KeyObject {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    throw new Malformed('x509: malformed public key');
  }
}

/** `[0] { SEQUENCE { hash } } …`; undefined for one that is not known. */
function pssHash(parameters: Element | undefined): string | undefined {
  const [first] = elementsOf(contentOf(parameters, SEQUENCE));
  const [algorithm] = first ? elementsOf(first.content) : [];
  const [identifier] = elementsOf(contentOf(algorithm, SEQUENCE));
  return PSS_HASHES[contentOf(identifier, OBJECT_ID).toString('hex')];
}

function contentOf(element: Element | undefined, tag: number): Buffer {
  if (element === undefined) throw new Malformed('asn1: syntax error: sequence truncated');
  if (element.tag !== tag) throw new Malformed(WRONG_TAG);
  return element.content;
}

function elementsOf(der: Buffer): Element[] {
  const elements: Element[] = [];
  if (der.length === 0) throw new Malformed('asn1: syntax error: data truncated');
  for (let at = 0; at < der.length; ) {
    const tag = der[at];
    let length = der[at + 1];
    let start = at + 2;
    if (tag === undefined || length === undefined)
      throw new Malformed('asn1: syntax error: data truncated');
    if (length > 127) {
      const bytes = length & 127;
      if (bytes === 0 || bytes > 4) throw new Malformed('asn1: structure error: length too large');
      if (start + bytes > der.length) throw new Malformed('asn1: syntax error: data truncated');
      length = der.readUIntBE(start, bytes);
      start += bytes;
    }
    const end = start + length;
    if (end > der.length) throw new Malformed('asn1: syntax error: data truncated');
    elements.push({ tag, raw: der.subarray(at, end), content: der.subarray(start, end) });
    at = end;
  }
  return elements;
}
