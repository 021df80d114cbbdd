/** Where a webhook of authentication or authorization is, and who we are there: a kubeconfig, as upstream. */
import type { RestConfig } from '../../pkg/client/config.js';
import type { RemoteCall } from '../server/remote-call.js';

export function remoteTarget(
  config: RestConfig,
): Pick<RemoteCall, 'url' | 'ca' | 'clientCertificate' | 'insecure' | 'serverName' | 'headers'> {
  const { server, ca, cert, key, token, username, password, tlsServerName } = config;
  const basic = username
    ? `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`
    : undefined;
  const authorization = token ? `Bearer ${token}` : basic;
  return {
    url: typeof server === 'string' ? server : (server[0] ?? ''),
    ...(ca ? { ca } : {}),
    ...(cert && key ? { clientCertificate: { cert, key } } : {}),
    ...(config.insecureSkipTlsVerify ? { insecure: true } : {}),
    ...(tlsServerName ? { serverName: tlsServerName } : {}),
    ...(authorization ? { headers: { Authorization: authorization } } : {}),
  };
}
