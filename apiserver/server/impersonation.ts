/**
 * `kubectl --as`: a user who may impersonate acts as another one. Each part of the other identity is
 * authorised by itself (`k8s.io/apiserver/pkg/endpoints/filters/impersonation.go`).
 */
import type { IncomingHttpHeaders } from 'node:http';
import { badRequest } from '../../pkg/apimachinery/status.js';
import { refusal } from '../authz/attributes.js';
import type {
  AuthorizationAttributes,
  AuthorizationDecision,
  UserInfo,
} from './request-context.js';

const EXTRA_PREFIX = 'impersonate-extra-';

/** Undefined where nothing is impersonated. Throws 400 or 403. */
export async function impersonate(
  user: UserInfo,
  headers: IncomingHttpHeaders,
  authorize: (attributes: AuthorizationAttributes) => Promise<AuthorizationDecision>,
): Promise<UserInfo | undefined> {
  const name = single(headers['impersonate-user']);
  const groups = several(headers['impersonate-group']);
  const uid = single(headers['impersonate-uid']);
  const extra: Record<string, string[]> = {};
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith(EXTRA_PREFIX)) continue;
    extra[decodeURIComponent(header.slice(EXTRA_PREFIX.length))] = several(value);
  }
  if (name === '') {
    if (groups.length > 0 || uid !== '' || Object.keys(extra).length > 0) {
      throw badRequest('requested impersonation without impersonating a user');
    }
    return undefined;
  }

  const may = async (
    group: string,
    resource: string,
    subresource: string,
    of: string,
    namespace = '',
  ) => {
    const attributes: AuthorizationAttributes = {
      user,
      verb: 'impersonate',
      namespace,
      group,
      version: 'v1',
      resource,
      subresource,
      name: of,
      isResourceRequest: true,
      path: '',
    };
    const decision = await authorize(attributes);
    if (!decision.allowed) throw refusal(attributes, decision.reason ?? '');
  };

  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
  if (account) await may('', 'serviceaccounts', '', account[2] as string, account[1] as string);
  else await may('', 'users', '', name);
  for (const group of groups) await may('', 'groups', '', group);
  if (uid !== '') await may('authentication.k8s.io', 'uids', '', uid);
  for (const [key, values] of Object.entries(extra)) {
    for (const value of values) await may('authentication.k8s.io', 'userextras', key, value);
  }

  const all = new Set(groups);
  if (account && groups.length === 0) {
    all.add('system:serviceaccounts').add(`system:serviceaccounts:${account[1]}`);
  }
  if (name === 'system:anonymous') all.add('system:unauthenticated');
  else if (!all.has('system:unauthenticated')) all.add('system:authenticated');
  return { name, groups: [...all], ...(uid === '' ? {} : { uid }), extra };
}

function single(value: string | string[] | undefined): string {
  return Array.isArray(value) ? (value[0] ?? '') : (value ?? '');
}

/** Node joins repeated headers of its own with a comma and a blank. */
function several(value: string | string[] | undefined): string[] {
  if (value === undefined) return [];
  return (Array.isArray(value) ? value : value.split(', ')).filter((part) => part !== '');
}
