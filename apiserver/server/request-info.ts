/**
 * What a request asks for, read from its method, path and query alone, as
 * `k8s.io/apiserver/pkg/endpoints/request.RequestInfoFactory` does. Called once a request by the handler chain.
 *
 *   GET /api/v1/namespaces/a/pods/p/log → get pods/log "p" in "a"
 *   GET /apis/apps/v1/deployments?watch=1 → watch deployments
 *   GET /version → not a resource: get
 */
import { badRequest } from '../../pkg/apimachinery/status.js';
import type { RequestInfo } from './request-context.js';

/** Verbs that stand in the path. */
const PATH_VERBS = new Set(['proxy', 'watch']);
/** The subresources of namespaces; any other segment behind a namespace is a resource in it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);
const VERB_OF_METHOD: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** `path` is decoded and has no query. */
export function parseRequestInfo(
  method: string,
  path: string,
  query: URLSearchParams,
): RequestInfo {
  const other = { ...NOTHING, path, verb: method.toLowerCase() };
  const segments = splitPath(path);
  if (segments.length < 3) return other;
  const prefix = segments[0];
  if (prefix !== 'api' && prefix !== 'apis') return other;
  let rest = segments.slice(1);
  let group = '';
  if (prefix === 'apis') {
    if (rest.length < 3) return { ...other, apiPrefix: prefix };
    group = rest[0] ?? '';
    rest = rest.slice(1);
  }
  const version = rest[0] ?? '';
  rest = rest.slice(1);
  let verb = VERB_OF_METHOD[method] ?? '';
  const first = rest[0] ?? '';
  if (PATH_VERBS.has(first)) {
    if (rest.length < 2)
      throw badRequest(`unable to determine kind and namespace from url, ${path}`);
    verb = first;
    rest = rest.slice(1);
  }
  let namespace = '';
  if (rest[0] === 'namespaces' && rest.length > 1) {
    namespace = rest[1] ?? '';
    if (rest.length > 2 && !NAMESPACE_SUBRESOURCES.has(rest[2] ?? '')) rest = rest.slice(2);
  }
  const resource = rest[0] ?? '';
  let name = rest[1] ?? '';
  const subresource = verb === 'proxy' ? '' : (rest[2] ?? '');
  const fieldSelector = query.get('fieldSelector') ?? undefined;
  const labelSelector = query.get('labelSelector') ?? undefined;
  if (name === '' && (verb === 'get' || verb === 'delete')) {
    if (verb === 'delete') verb = 'deletecollection';
    else verb = isTrue(query.get('watch')) ? 'watch' : 'list';
  }
  if (name === '' && (verb === 'list' || verb === 'watch' || verb === 'deletecollection')) {
    name = nameInSelector(fieldSelector);
  }
  return {
    isResourceRequest: true,
    path,
    verb,
    apiPrefix: prefix,
    group,
    version,
    namespace,
    resource,
    subresource,
    name,
    parts: rest,
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  };
}

/** Requests that may stay open: they have no time limit and are not counted against the limits in flight. */
export function isLongRunning(info: RequestInfo): boolean {
  if (info.verb === 'watch' || info.verb === 'proxy') return true;
  return info.isResourceRequest && LONG_RUNNING_SUBRESOURCES.has(info.subresource);
}

const LONG_RUNNING_SUBRESOURCES = new Set(['proxy', 'attach', 'exec', 'portforward', 'log']);

const NOTHING = {
  isResourceRequest: false,
  apiPrefix: '',
  group: '',
  version: '',
  namespace: '',
  resource: '',
  subresource: '',
  name: '',
  parts: [],
} as const;

function splitPath(path: string): string[] {
  const trimmed = path.replace(/^\/+|\/+$/g, '');
  return trimmed === '' ? [] : trimmed.split('/');
}

/** As Go's strconv reads a query's boolean: present without a value counts, too. */
function isTrue(value: string | null): boolean {
  if (value === null) return false;
  return !/^(0|f|false)$/i.test(value);
}

function nameInSelector(selector: string | undefined): string {
  const found = /(?:^|,)metadata\.name==?([^,!=]+)(?:,|$)/.exec(selector ?? '');
  const name = found?.[1] ?? '';
  return name === '.' || name === '..' || /[/%]/.test(name) ? '' : name;
}
