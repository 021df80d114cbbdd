/** Where a webhook is: a URL, or a path of a Service. Admission and conversion say it in the same words. */
import {
  type FieldError,
  invalid,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isDNS1123Subdomain } from '../../../pkg/apimachinery/validation/names.js';

const FORM = '; desired format: https://host[/path]';

interface ClientConfig {
  readonly url?: string;
  readonly service?: {
    readonly name: string;
    readonly namespace: string;
    readonly path?: string;
    readonly port?: number;
  };
}

export function validateWebhookClient(config: ClientConfig | undefined, at: Path): FieldError[] {
  const { url, service } = config ?? {};
  if ((url === undefined) === (service === undefined))
    return [required(at, 'exactly one of url or service is required')];
  if (url !== undefined) return validateWebhookURL(url, at.child('url'));
  return service ? validateWebhookService(service, at.child('service')) : [];
}

/** Read as Go reads a URL: almost any text is one, without a scheme or a host. */
export function validateWebhookURL(text: string, at: Path): FieldError[] {
  const match =
    /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(
      text,
    );
  const fault = match ? faultOf(text) : 'invalid URL';
  if (!match || fault)
    return [
      required(at, `url must be a valid URL: parse ${JSON.stringify(text)}: ${fault}${FORM}`),
    ];
  const [, scheme = '', authority = '', , query = '', fragment = ''] = match;
  const errors: FieldError[] = [];
  if (scheme.toLowerCase() !== 'https')
    errors.push(invalid(at, scheme.toLowerCase(), `'https' is the only allowed URL scheme${FORM}`));
  const sign = authority.lastIndexOf('@');
  const host = authority.slice(sign + 1);
  if (host === '') errors.push(invalid(at, host, `host must be specified${FORM}`));
  if (sign >= 0)
    errors.push(
      invalid(at, authority.slice(0, sign), 'user information is not permitted in the URL'),
    );
  if (fragment !== '') errors.push(invalid(at, fragment, 'fragments are not permitted in the URL'));
  if (query !== '')
    errors.push(invalid(at, query, 'query parameters are not permitted in the URL'));
  return errors;
}

function faultOf(text: string): string | undefined {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return 'net/url: invalid control character in URL';
  }
  if (text.startsWith(':')) return 'missing protocol scheme';
  const broken = /%(?![0-9A-Fa-f]{2}).{0,2}/.exec(text);
  if (broken) return `invalid URL escape ${JSON.stringify(broken[0])}`;
  const port = /^[^:/?#]+:\/\/[^/?#]*?:([^/?#\]]*)(?:[/?#]|$)/.exec(text)?.[1];
  if (port !== undefined && !/^\d*$/.test(port))
    return `invalid port ${JSON.stringify(`:${port}`)} after host`;
  return undefined;
}

export function validateWebhookService(
  service: NonNullable<ClientConfig['service']>,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['name', 'namespace'] as const)
    if (!service[field]) errors.push(required(at.child(field), `service ${field} is required`));
  const { port = 0, path: servicePath } = service;
  if (port < 1 || port > 65535)
    errors.push(
      invalid(at.child('port'), port, 'port is not valid: must be between 1 and 65535, inclusive'),
    );
  return [...errors, ...validateServicePath(servicePath, at.child('path'))];
}

function validateServicePath(text: string | undefined, at: Path): FieldError[] {
  if (text === undefined || text === '' || text === '/') return [];
  if (text === '//') return [invalid(at, text, 'segment[0] may not be empty')];
  const errors: FieldError[] = [];
  if (!text.startsWith('/')) errors.push(invalid(at, text, "must start with a '/'"));
  text
    .slice(1)
    .replace(/\/$/, '')
    .split('/')
    .forEach((step, i) => {
      if (step === '') errors.push(invalid(at, text, `segment[${i}] may not be empty`));
      else
        for (const why of isDNS1123Subdomain(step))
          errors.push(invalid(at, text, `segment[${i}]: ${why}`));
    });
  return errors;
}
