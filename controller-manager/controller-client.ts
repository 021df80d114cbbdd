/**
 * A client that acts as a controller's own service account in kube-system
 * (`--use-service-account-credentials`), so that each controller has only the rights of its role. The
 * account is made when it is missing; its token is asked for on first use and renewed before it ends.
 */

import type { ServiceAccount, TokenRequest } from '../pkg/api/types.js';
import type { KubeObject } from '../pkg/apimachinery/meta.js';
import { parseTime } from '../pkg/apimachinery/time.js';
import { isAlreadyExists, isNotFound } from '../pkg/client/errors.js';
import { SERVICE_ACCOUNTS } from '../pkg/client/resources.js';
import { RestClient } from '../pkg/client/rest.js';
import type { Clock } from '../pkg/component/clock.js';

const NAMESPACE = 'kube-system';
const LIFETIME_SECONDS = 3600;
/** A token is renewed when a fifth of its life is left. */
const RENEW_AT = 0.8;

export function controllerClient(root: RestClient, name: string, clock: Clock): RestClient {
  const { cert: _cert, key: _key, token: _token, tokenFile: _file, ...config } = root.config;
  let current: { token: string; until: number } | undefined;
  let pending: Promise<string> | undefined;
  const renew = async (): Promise<string> => {
    const now = clock.now();
    const { status } = await requestToken(root, name);
    if (!status?.token) throw new Error(`no token for service account ${NAMESPACE}/${name}`);
    const end = parseTime(status.expirationTimestamp ?? '') ?? now;
    current = { token: status.token, until: now + (end - now) * RENEW_AT };
    return status.token;
  };
  const tokenSource = async (rejected = false): Promise<string> => {
    if (rejected) current = undefined;
    if (current && clock.now() < current.until) return current.token;
    pending ??= renew().finally(() => {
      pending = undefined;
    });
    return pending;
  };
  // The name before the slash stays the component's: that is who manages the fields.
  return new RestClient({
    config: { ...config, tokenSource },
    userAgent: 'kube-controller-manager',
    clock,
  });
}

async function requestToken(root: RestClient, name: string): Promise<TokenRequest> {
  const accounts = root.resource<ServiceAccount>(SERVICE_ACCOUNTS);
  const request: KubeObject & TokenRequest = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { audiences: [], expirationSeconds: LIFETIME_SECONDS },
  };
  const ask = () => accounts.createSubresource<TokenRequest>(NAMESPACE, name, 'token', request);
  try {
    return await ask();
  } catch (err) {
    if (!isNotFound(err)) throw err;
  }
  try {
    await accounts.create({ metadata: { namespace: NAMESPACE, name } });
  } catch (err) {
    if (!isAlreadyExists(err)) throw err;
  }
  return ask();
}
