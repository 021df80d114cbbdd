/**
 * Reads PKCS #10 certificate requests. Import it when one comes (`await import`): few processes ever see
 * one, and the library behind it is large.
 */
import 'reflect-metadata';
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from '@peculiar/x509';

export interface AlternativeName {
  /** `dns`, `ip`, `email`, `url` … */
  readonly type: string;
  readonly value: string;
}

export interface CertificateRequest {
  readonly pem: string;
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly names: readonly AlternativeName[];
}

/** Throws for what is no request. */
export function readCertificateRequest(pem: string): CertificateRequest {
  const request = new Pkcs10CertificateRequest(pem);
  const found = request.extensions.find((e) => e instanceof SubjectAlternativeNameExtension);
  const names = found?.names.toJSON() ?? [];
  return {
    pem,
    commonName: request.subjectName.getField('CN').at(-1) ?? '',
    organizations: request.subjectName.getField('O'),
    names: names.map(({ type, value }) => ({ type, value: String(value) })),
  };
}
