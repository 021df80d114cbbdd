/** `admission.k8s.io` AdmissionReview, v1 and v1beta1: what a webhook is asked, and what its answer may be. */
import { randomUUID } from 'node:crypto';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import { failure, type Status, type StatusError } from '../../../pkg/apimachinery/status.js';
import type { UserInfo } from '../../server/request-context.js';
import type { Asked } from './match.js';
import type { ServedVersion } from './served-versions.js';

const GROUP = 'admission.k8s.io';
const KNOWN_VERSIONS = ['v1', 'v1beta1'];

export interface ReviewRequest extends Record<string, unknown> {
  readonly uid: string;
  readonly object: KubeObject | null;
  readonly oldObject: KubeObject | null;
}

export interface Review {
  readonly version: string;
  readonly request: ReviewRequest;
}

export interface ReviewAnswer {
  readonly allowed: boolean;
  readonly result?: Partial<Status>;
  /** Mutating webhooks only: what the patch decodes to. */
  readonly patch?: string;
  readonly patchType?: string;
  readonly warnings: readonly string[];
  readonly annotations: Readonly<Record<string, string>>;
}

/** The request in the version of the API that the webhook's rule is for. */
export async function reviewRequest(
  asked: Asked,
  version: ServedVersion,
  user: UserInfo,
): Promise<ReviewRequest> {
  const { attributes, requested, name, namespace } = asked;
  const { operation, subresource, object, oldObject, options, dryRun } = attributes;
  const resource = ({ group, version: v, resource: r }: ServedVersion) => ({
    group,
    version: v,
    resource: r,
  });
  return {
    uid: randomUUID(),
    kind: version.kind(subresource),
    resource: resource(version),
    ...(subresource === '' ? {} : { subResource: subresource }),
    requestKind: requested.kind(subresource),
    requestResource: resource(requested),
    ...(subresource === '' ? {} : { requestSubResource: subresource }),
    ...(name === '' ? {} : { name }),
    ...(namespace === '' ? {} : { namespace }),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid ? { uid: user.uid } : {}),
      groups: user.groups,
      ...(user.extra ? { extra: user.extra } : {}),
    },
    object: object ? await version.show(object, subresource) : null,
    oldObject: oldObject ? await version.show(oldObject, subresource) : null,
    dryRun,
    options: options ? optionsOf(operation, options) : null,
  };
}

function optionsOf(operation: string, options: KubeObject): KubeObject {
  if (options.kind) return options;
  const kind = `${operation.charAt(0)}${operation.slice(1).toLowerCase()}Options`;
  return { kind, apiVersion: 'meta.k8s.io/v1', ...options };
}

/** Undefined where the webhook speaks no version that this server does. */
export function reviewVersion(versions: readonly string[]): string | undefined {
  return versions.find((version) => KNOWN_VERSIONS.includes(version));
}

export function reviewBody({ version, request }: Review): string {
  return JSON.stringify({ kind: 'AdmissionReview', apiVersion: `${GROUP}/${version}`, request });
}

/** Throws with upstream's words for an answer that breaks the contract. */
export function readAnswer(text: string, review: Review, mutating: boolean): ReviewAnswer {
  const value: unknown = parsed(text);
  if (!isRecord(value)) throw new Error('expected webhook response to be an object');
  const { version, request } = review;
  const { kind, apiVersion, response } = value;
  if (version === 'v1' && (kind !== 'AdmissionReview' || apiVersion !== `${GROUP}/v1`)) {
    const [group = '', v = ''] = String(apiVersion ?? '').split('/');
    throw new Error(
      `expected webhook response of ${GROUP}/v1, Kind=AdmissionReview, got ${group}/${v}, Kind=${String(kind ?? '')}`,
    );
  }
  if (!isRecord(response)) throw new Error('webhook response was absent');
  if (version === 'v1' && response['uid'] !== request.uid)
    throw new Error(
      `expected response.uid=${JSON.stringify(request.uid)}, got ${JSON.stringify(response['uid'] ?? '')}`,
    );
  const patch = textOf(response['patch']);
  const patchType = textOf(response['patchType']);
  checkPatch(
    version,
    mutating,
    patch,
    response['patchType'] === undefined ? undefined : (patchType ?? ''),
  );
  const status = response['status'];
  const annotations = response['auditAnnotations'];
  return {
    allowed: response['allowed'] === true,
    ...(isRecord(status) ? { result: status as Partial<Status> } : {}),
    ...(mutating && patch ? { patch: Buffer.from(patch, 'base64').toString('utf8') } : {}),
    ...(patchType ? { patchType } : version === 'v1beta1' ? { patchType: 'JSONPatch' } : {}),
    warnings: Array.isArray(response['warnings'])
      ? response['warnings'].filter((warning) => typeof warning === 'string')
      : [],
    annotations: isRecord(annotations)
      ? Object.fromEntries(
          Object.entries(annotations).filter(
            (entry): entry is [string, string] => typeof entry[1] === 'string',
          ),
        )
      : {},
  };
}

function checkPatch(
  version: string,
  mutating: boolean,
  patch: string | undefined,
  patchType: string | undefined,
): void {
  if (!mutating) {
    if (version !== 'v1') return;
    if (patch) throw new Error('validating webhook may not return response.patch');
    if (patchType !== undefined)
      throw new Error('validating webhook may not return response.patchType');
    return;
  }
  if (version !== 'v1') return;
  if (patch && patchType === undefined)
    throw new Error('webhook returned response.patch but not response.patchType');
  if (!patch && patchType !== undefined)
    throw new Error('webhook returned response.patchType but not response.patch');
  if (patchType === '')
    throw new Error(`webhook returned invalid response.patchType of ${JSON.stringify(patchType)}`);
}

/** What the client is told of a webhook's no. */
export function denial(hook: string, result: Partial<Status> = {}): StatusError {
  const denied = `admission webhook ${JSON.stringify(hook)} denied the request`;
  const code = result.code ?? 0;
  const message = result.message
    ? `${denied}: ${result.message}`
    : result.reason
      ? `${denied}: ${result.reason}`
      : `${denied} without explanation`;
  return failure(code < 400 ? 400 : code, result.reason ?? '', message, result.details);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (err) {
    throw new Error(
      `couldn't get version/kind; json parse error: ${err instanceof Error ? err.message : String(err)}`,
    );
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
