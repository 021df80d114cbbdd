/**
 * `pods/NAME/log`: finds the container and the node, checks the options and hands the kubelet's stream
 * through. A pod that is on no node yet has an empty log.
 */
import type { Node, Pod } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid as invalidField,
  path,
} from '../../../pkg/apimachinery/field-error.js';
import { badRequest, invalid } from '../../../pkg/apimachinery/status.js';
import { parseTime } from '../../../pkg/apimachinery/time.js';
import {
  forwardToKubelet,
  type KubeletConnection,
  kubeletTarget,
} from '../../endpoints/kubelet-proxy.js';
import type { RequestContext } from '../../server/request-context.js';
import type { Subresource } from '../resource.js';

const BOOLEANS = ['follow', 'previous', 'timestamps', 'insecureSkipTLSVerifyBackend'] as const;
const INTEGERS = ['sinceSeconds', 'tailLines', 'limitBytes'] as const;

export interface LogOptions {
  container: string;
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  insecureSkipTLSVerifyBackend: boolean;
  sinceSeconds?: number;
  sinceTime?: string;
  tailLines?: number;
  limitBytes?: number;
  stream?: string;
}

export function podLog(kubelet: KubeletConnection): Subresource<Pod> {
  return {
    name: 'log',
    kind: { group: '', version: 'v1', kind: 'Pod' },
    verbs: ['get'],
    connect: (parent, ctx) => streamLog(kubelet, parent, ctx),
  };
}

async function streamLog(
  kubelet: KubeletConnection,
  parent: { namespace: string; name: string },
  ctx: RequestContext,
): Promise<void> {
  const options = parseLogOptions(ctx.query);
  const errors = validateLogOptions(options);
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, parent.name, errors);
  const pod: Pod = await ctx.server.store('', 'pods').get(parent.namespace, parent.name);
  const container = chooseContainer(pod, options.container);
  const nodeName = pod.spec?.nodeName;
  if (!nodeName) {
    ctx.exchange?.res.writeHead(200, { 'content-type': 'text/plain', 'content-length': '0' }).end();
    return;
  }
  const node: Node = await ctx.server.store('', 'nodes').get('', nodeName);
  const segments = [parent.namespace, parent.name, container].map(encodeURIComponent).join('/');
  await forwardToKubelet(
    kubelet,
    kubeletTarget(node, kubelet),
    {
      method: 'GET',
      path: withQuery(`/containerLogs/${segments}`, kubeletQuery(options)),
      about: `pods ${parent.name}`,
      checkAnswer: true,
      withBody: false,
    },
    ctx,
  );
}

/** Throws BadRequest for a number that is none; any text but `false` and `0` is true, as upstream. */
export function parseLogOptions(query: URLSearchParams): LogOptions {
  const options: LogOptions = {
    container: query.get('container') ?? '',
    follow: false,
    previous: false,
    timestamps: false,
    insecureSkipTLSVerifyBackend: false,
  };
  for (const name of BOOLEANS) {
    const text = query.get(name);
    if (text !== null) options[name] = text !== '0' && text.toLowerCase() !== 'false';
  }
  for (const name of INTEGERS) {
    const text = query.get(name);
    if (text === null) continue;
    if (!/^[+-]?\d+$/.test(text)) {
      throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    }
    options[name] = Number(text);
  }
  const sinceTime = query.get('sinceTime');
  if (sinceTime) {
    if (parseTime(sinceTime) === undefined)
      throw badRequest(`parsing time ${JSON.stringify(sinceTime)} as RFC 3339`);
    options.sinceTime = sinceTime;
  }
  const stream = query.get('stream');
  if (stream) options.stream = stream;
  return options;
}

export function validateLogOptions(options: LogOptions): FieldError[] {
  const errors: FieldError[] = [];
  const { tailLines, limitBytes, sinceSeconds, sinceTime } = options;
  if (tailLines !== undefined && tailLines < 0) {
    errors.push(invalidField(path('tailLines'), tailLines, 'must be greater than or equal to 0'));
  }
  if (limitBytes !== undefined && limitBytes < 1) {
    errors.push(invalidField(path('limitBytes'), limitBytes, 'must be greater than 0'));
  }
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    errors.push(
      forbidden(path(''), 'at most one of `sinceTime` or `sinceSeconds` may be specified'),
    );
  } else if (sinceSeconds !== undefined && sinceSeconds < 1) {
    errors.push(invalidField(path('sinceSeconds'), sinceSeconds, 'must be greater than 0'));
  }
  return errors;
}

/** The container that is asked for, or the only one. Throws BadRequest otherwise. */
export function chooseContainer(pod: Pod, asked: string): string {
  const name = pod.metadata?.name ?? '';
  const containers = (pod.spec?.containers ?? []).map((container) => container.name);
  const init = (pod.spec?.initContainers ?? []).map((container) => container.name);
  const ephemeral = (pod.spec?.ephemeralContainers ?? []).map((container) => container.name);
  if (asked !== '') {
    if ([...containers, ...init, ...ephemeral].includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  const [only, ...others] = containers;
  if (only !== undefined && others.length === 0) return only;
  let text = `a container name must be specified for pod ${name}`;
  if (containers.length > 0) text += `, choose one of: [${containers.join(' ')}]`;
  if (init.length > 0) text += ` or one of the init containers: [${init.join(' ')}]`;
  throw badRequest(text);
}

function kubeletQuery(options: LogOptions): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of ['follow', 'previous', 'timestamps'] as const) {
    if (options[name]) query.set(name, 'true');
  }
  for (const name of INTEGERS) {
    const value = options[name];
    if (value !== undefined) query.set(name, String(value));
  }
  if (options.sinceTime) query.set('sinceTime', options.sinceTime);
  if (options.stream && options.stream !== 'All') query.set('stream', options.stream);
  return query;
}

function withQuery(url: string, query: URLSearchParams): string {
  const text = query.toString();
  return text === '' ? url : `${url}?${text}`;
}
