/**
 * Identity from a front proxy's headers (`--requestheader-*`). Believed only on a connection whose client
 * certificate the front proxy's own authority signed, for a name that is allowed.
 */
import type { IncomingMessage } from 'node:http';
import type { UserInfo } from '../server/request-context.js';
import type { RequestAuthenticator } from './authenticator.js';
import type { CertificateVerifier } from './client-certificate.js';

export interface RequestHeaderOptions {
  readonly verifier: CertificateVerifier;
  /** Common names; empty: any that the authority signed. */
  readonly allowedNames: readonly string[];
  readonly usernameHeaders: readonly string[];
  readonly groupHeaders: readonly string[];
  readonly extraHeaderPrefixes: readonly string[];
  readonly uidHeaders: readonly string[];
}

export class RequestHeaderAuthenticator implements RequestAuthenticator {
  readonly name = 'request header';
  constructor(private readonly options: RequestHeaderOptions) {}

  authenticate(req: IncomingMessage): UserInfo | undefined {
    const options = this.options;
    const name = first(req, options.usernameHeaders);
    if (name === undefined || name === '') return undefined;
    const certificate = options.verifier.verify(req);
    if (!certificate) return undefined;
    if (options.allowedNames.length > 0 && !options.allowedNames.includes(certificate.commonName))
      throw new Error('x509: subject with cn is not in the allowed list');
    const groups = options.groupHeaders.flatMap((header) => values(req, header));
    const uid = first(req, options.uidHeaders);
    const extra = extras(req, options.extraHeaderPrefixes);
    return {
      name,
      groups,
      ...(uid ? { uid } : {}),
      ...(Object.keys(extra).length > 0 ? { extra } : {}),
    };
  }
}

/** Every value of a header that came more than once. */
export function values(req: IncomingMessage, header: string): string[] {
  return req.headersDistinct?.[header.toLowerCase()] ?? joined(req.headers[header.toLowerCase()]);
}

function joined(value: string | string[] | undefined): string[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : value.split(',').map((part) => part.trim());
}

function first(req: IncomingMessage, headers: readonly string[]): string | undefined {
  for (const header of headers) {
    const value = values(req, header)[0];
    if (value) return value;
  }
  return undefined;
}

/** `X-Remote-Extra-Scopes: a` → `{scopes: [a]}`; keys are percent-decoded and lower case. */
export function extras(
  req: IncomingMessage,
  prefixes: readonly string[],
): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const header of Object.keys(req.headers)) {
    const prefix = prefixes.find((candidate) => header.startsWith(candidate.toLowerCase()));
    if (prefix === undefined) continue;
    const key = decode(header.slice(prefix.length));
    found[key] = [...(found[key] ?? []), ...values(req, header)];
  }
  return found;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not percent-encoded after all: taken as it stands, as upstream.
    return text;
  }
}
