/** Names as a pod of the cluster finds them: the search list of its resolv.conf, and the files that tell of itself. */

/** Empty for a Service without an address of its own; undefined: there is no such Service. */
export type ServiceAddresses = (namespace: string, name: string) => readonly string[] | undefined;

const DOMAIN = 'cluster.local';

/**
 * The addresses of a name of the cluster, an empty list where it has none. Undefined for a name outside of the cluster,
 * and where nobody can tell.
 */
export function resolveName(
  name: string,
  namespace: string,
  services: ServiceAddresses | undefined,
): readonly string[] | undefined {
  if (!services || /^[\d.]+$|:/.test(name) || name === 'localhost') return undefined;
  const ours = name.replace(/\.$/, '').replace(new RegExp(`\\.${DOMAIN}$`), '');
  const isOurs = ours !== name.replace(/\.$/, '') || !name.includes('.') || ours.endsWith('.svc');
  const parts = ours.replace(/\.svc$/, '').split('.');
  const [service = '', where = namespace] = parts.slice(-2);
  // `web-0.nginx` is a pod of a headless Service; `nginx.default` and `web-0.nginx.default` say where.
  const found =
    parts.length === 1
      ? services(namespace, service)
      : (services(where, service) ?? services(namespace, where));
  if (found) return found.length > 0 ? found : undefined;
  return isOurs ? [] : undefined;
}

/** Files that every container of a pod has, whatever its image. */
export function givenFiles(hostname: string, namespace: string): Record<string, string> {
  return {
    '/etc/hostname': `${hostname}\n`,
    '/etc/resolv.conf': `search ${namespace}.svc.${DOMAIN} svc.${DOMAIN} ${DOMAIN}\nnameserver 10.96.0.10\noptions ndots:5\n`,
  };
}
