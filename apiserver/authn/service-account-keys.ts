/**
 * The keys of service account tokens: one that signs, any number that verify. Key ids and algorithms are
 * made from the key as upstream does, so that tokens of either can be checked by the other's JWKS.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { exportJWK, type JWK } from 'jose';

export interface VerificationKey {
  readonly id: string;
  readonly algorithm: string;
  readonly key: KeyObject;
}

export interface SigningKey extends VerificationKey {
  readonly privateKey: KeyObject;
}

/** Public or private keys, one PEM block after another. */
export function verificationKeys(pem: string): VerificationKey[] {
  const blocks = pem.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? [];
  return blocks
    .filter((block) => !block.includes('EC PARAMETERS'))
    .map((block) => describe(createPublicKey(block)));
}

export function signingKey(pem: string): SigningKey {
  const privateKey = createPrivateKey(pem);
  return { ...describe(createPublicKey(privateKey)), privateKey };
}

/** What `/openid/v1/jwks` shows. */
export async function jwks(keys: readonly VerificationKey[]): Promise<{ keys: JWK[] }> {
  const seen = new Map(keys.map((key) => [key.id, key]));
  return {
    keys: await Promise.all(
      [...seen.values()].map(async ({ id, algorithm, key }) => {
        const { kty, ...parameters } = await exportJWK(key);
        return { use: 'sig', ...(kty ? { kty } : {}), kid: id, alg: algorithm, ...parameters };
      }),
    ),
  };
}

function describe(key: KeyObject): VerificationKey {
  const der = key.export({ type: 'spki', format: 'der' });
  const id = createHash('sha256').update(der).digest('base64url');
  return { id, algorithm: algorithmOf(key), key };
}

function algorithmOf(key: KeyObject): string {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  switch (key.asymmetricKeyDetails?.namedCurve) {
    case 'prime256v1':
      return 'ES256';
    case 'secp384r1':
      return 'ES384';
    case 'secp521r1':
      return 'ES512';
    default:
      throw new Error('service account keys must be RSA, P-256, P-384 or P-521');
  }
}
