/** What an extension server is told in headers: who asks, and what the client sent, less what is not for it. */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { UserInfo } from '../server/request-context.js';

/** Between two neighbours only (RFC 9110), or this server's own business. */
const NOT_FORWARDED = new Set([
  'authorization',
  'connection',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const OF_THE_CALLER = /^(x-remote-|impersonate-)/;

/** How an extension server is told who asks. */
export function identityHeaders(user: UserInfo): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'X-Remote-User': user.name };
  if (user.uid) headers['X-Remote-Uid'] = user.uid;
  if (user.groups.length > 0) headers['X-Remote-Group'] = [...user.groups];
  for (const [key, values] of Object.entries(user.extra ?? {})) {
    headers[`X-Remote-Extra-${escapeKey(key)}`] = [...values];
  }
  return headers;
}

/** What may not stand in a header's name is percent-encoded. */
function escapeKey(key: string): string {
  return [...Buffer.from(key)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      if (/[A-Za-z0-9!#$&'*+.^_`|~-]/.test(char)) return char;
      return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

export function forwardable(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || NOT_FORWARDED.has(name) || OF_THE_CALLER.test(name)) continue;
    kept[name] = value;
  }
  return kept;
}

export function forwardedFor(req: IncomingMessage): Record<string, string> {
  const before = req.headers['x-forwarded-for'];
  const client = req.socket.remoteAddress ?? '';
  return { 'x-forwarded-for': before === undefined ? client : `${String(before)}, ${client}` };
}
