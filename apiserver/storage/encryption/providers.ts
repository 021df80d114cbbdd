/**
 * How a value is encrypted at rest: the providers of an EncryptionConfiguration, in the layout of
 * kube-apiserver's own values (`k8s:enc:PROVIDER:v1:KEY:…`), so that either reads what the other wrote.
 *
 *   aescbc   initialisation vector (16) · AES-CBC, padded
 *   aesgcm   nonce (12) · AES-GCM · tag (16); the object's key in the store is authenticated with it
 *   secretbox nonce (24) · tag (16) · XSalsa20
 *   identity the value as it is
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { openSecretbox, SECRETBOX_NONCE_BYTES, sealSecretbox } from './secretbox.js';

export interface Provider {
  /** What its values begin with; empty for identity. */
  readonly prefix: string;
  encrypt(value: Buffer, storeKey: string): Buffer;
  /** `value` without the prefix. Throws for what was not encrypted so. */
  decrypt(value: Buffer, storeKey: string): Buffer;
}

export const ENCRYPTED = 'k8s:enc:';
const CBC_IV_BYTES = 16;
const GCM_NONCE_BYTES = 12;
const GCM_TAG_BYTES = 16;

export interface NamedKey {
  readonly name: string;
  /** base64 */
  readonly secret: string;
}

export const identity: Provider = {
  prefix: '',
  encrypt: (value) => value,
  decrypt: (value) => value,
};

export function aescbc(key: NamedKey): Provider {
  const secret = Buffer.from(key.secret, 'base64');
  const cipher = `aes-${secret.length * 8}-cbc`;
  return {
    prefix: `${ENCRYPTED}aescbc:v1:${key.name}:`,
    encrypt(value) {
      const iv = randomBytes(CBC_IV_BYTES);
      const encrypting = createCipheriv(cipher, secret, iv);
      return Buffer.concat([iv, encrypting.update(value), encrypting.final()]);
    },
    decrypt(value) {
      const decrypting = createDecipheriv(cipher, secret, value.subarray(0, CBC_IV_BYTES));
      return Buffer.concat([decrypting.update(value.subarray(CBC_IV_BYTES)), decrypting.final()]);
    },
  };
}

export function aesgcm(key: NamedKey): Provider {
  const secret = Buffer.from(key.secret, 'base64');
  const cipher = `aes-${secret.length * 8}-gcm` as 'aes-256-gcm';
  return {
    prefix: `${ENCRYPTED}aesgcm:v1:${key.name}:`,
    encrypt(value, storeKey) {
      const nonce = randomBytes(GCM_NONCE_BYTES);
      const encrypting = createCipheriv(cipher, secret, nonce);
      encrypting.setAAD(Buffer.from(storeKey));
      const body = [encrypting.update(value), encrypting.final()];
      return Buffer.concat([nonce, ...body, encrypting.getAuthTag()]);
    },
    decrypt(value, storeKey) {
      if (value.length < GCM_NONCE_BYTES + GCM_TAG_BYTES)
        throw new Error('the stored data was shorter than the required size');
      const decrypting = createDecipheriv(cipher, secret, value.subarray(0, GCM_NONCE_BYTES));
      decrypting.setAAD(Buffer.from(storeKey));
      decrypting.setAuthTag(value.subarray(value.length - GCM_TAG_BYTES));
      const body = value.subarray(GCM_NONCE_BYTES, value.length - GCM_TAG_BYTES);
      return Buffer.concat([decrypting.update(body), decrypting.final()]);
    },
  };
}

export function secretbox(key: NamedKey): Provider {
  const secret = Buffer.from(key.secret, 'base64');
  return {
    prefix: `${ENCRYPTED}secretbox:v1:${key.name}:`,
    encrypt(value) {
      const nonce = randomBytes(SECRETBOX_NONCE_BYTES);
      return Buffer.concat([nonce, sealSecretbox(value, nonce, secret)]);
    },
    decrypt: (value) =>
      openSecretbox(
        value.subarray(SECRETBOX_NONCE_BYTES),
        value.subarray(0, SECRETBOX_NONCE_BYTES),
        secret,
      ),
  };
}
