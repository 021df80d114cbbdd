/**
 * A trusted proxy says for whom it speaks, in headers. Only a client certificate of the front proxy's own
 * authority, with an allowed name, makes the headers count.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { UserInfo } from '../server/request-context.js';
import type { Authenticator } from './authenticator.js';
import { isSignedBy } from './client-certificate.js';

export interface FrontProxyOptions {
  readonly authorities: ReadonlySet<string>;
  /** Empty: any name. */
  readonly allowedNames: readonly string[];
  readonly usernameHeaders: readonly string[];
  readonly uidHeaders: readonly string[];
  readonly groupHeaders: readonly string[];
  readonly extraHeaderPrefixes: readonly string[];
}

export function frontProxy(options: FrontProxyOptions): Authenticator {
  return {
    authenticate(req: IncomingMessage) {
      const name = first(req.headers, options.usernameHeaders);
      if (name === undefined || !(req.socket instanceof TLSSocket) || !req.socket.authorized) {
        return undefined;
      }
      const certificate = req.socket.getPeerCertificate(true);
      if (!isSignedBy(certificate, options.authorities)) return undefined;
      const proxy = [certificate.subject.CN].flat().at(-1) ?? '';
      if (options.allowedNames.length > 0 && !options.allowedNames.includes(proxy)) return undefined;
      const uid = first(req.headers, options.uidHeaders);
      const user: UserInfo = {
        name,
        groups: options.groupHeaders.flatMap((header) => values(req.headers, header)),
        extra: extraOf(req.headers, options.extraHeaderPrefixes),
        ...(uid === undefined ? {} : { uid }),
      };
      return user;
    },
  };
}

function first(headers: IncomingHttpHeaders, names: readonly string[]): string | undefined {
  for (const name of names) {
    const [value] = values(headers, name);
    if (value) return value;
  }
  return undefined;
}

function values(headers: IncomingHttpHeaders, name: string): string[] {
  const value = headers[name.toLowerCase()];
  return value === undefined ? [] : [value].flat().flatMap((v) => v.split(', '));
}

function extraOf(
  headers: IncomingHttpHeaders,
  prefixes: readonly string[],
): Record<string, string[]> {
  const extra: Record<string, string[]> = {};
  for (const header of Object.keys(headers)) {
    const prefix = prefixes.find((p) => header.startsWith(p.toLowerCase()));
    if (!prefix) continue;
    extra[decodeURIComponent(header.slice(prefix.length))] = values(headers, header);
  }
  return extra;
}
