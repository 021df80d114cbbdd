/**
 * ServiceAccount: every pod runs as an account, `default` when it names none; the account's token is mounted
 * into each container, and its image pull secrets are the pod's where it has none of its own.
 */
import type { ServiceAccount as Account, Container, Pod } from '../../../pkg/api/types.js';
import { generateName } from '../../../pkg/apimachinery/names/generate-name.js';
import { isReason } from '../../../pkg/apimachinery/status.js';
import type { RequestContext, ServerAccess } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import { refuse } from '../refuse.js';

const DEFAULT_ACCOUNT = 'default';
const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const VOLUME_PREFIX = 'kube-api-access-';
const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';
/** An hour, and the seven seconds by which upstream tells these tokens from others. */
const TOKEN_SECONDS = 3607;
/** A new namespace's default account comes a moment after it. */
const LOOKUP_ATTEMPTS = 10;
const LOOKUP_DELAY_MS = 100;

export const serviceAccount: AdmissionPluginFactory = {
  name: 'ServiceAccount',
  create: (server) => ({
    name: 'ServiceAccount',
    handles: (operation, group, resource, subresource) =>
      operation === 'CREATE' && group === '' && resource === 'pods' && subresource === '',
    async admit(attributes, ctx) {
      const pod: Pod = attributes.object ?? {};
      if (!pod.spec) return;
      if (pod.metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined) {
        checkMirrorPod(attributes, pod);
        return;
      }
      const name = pod.spec.serviceAccountName || DEFAULT_ACCOUNT;
      pod.spec.serviceAccountName = name;
      pod.spec.serviceAccount = name;
      const account = await lookUp(server, attributes, name, ctx);
      const automount =
        pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
      if (automount) mountToken(pod, ctx);
      if (!pod.spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
        pod.spec.imagePullSecrets = account.imagePullSecrets.map((secret) => ({ ...secret }));
    },
    async validate(attributes, ctx) {
      const pod: Pod = attributes.object ?? {};
      if (pod.metadata?.annotations?.[MIRROR_ANNOTATION] !== undefined) return;
      const name = pod.spec?.serviceAccountName || DEFAULT_ACCOUNT;
      const account = await lookUp(server, attributes, name, ctx);
      if (account.metadata?.annotations?.['kubernetes.io/enforce-mountable-secrets'] === 'true')
        checkMountable(attributes, pod, account);
    },
  }),
};

async function lookUp(
  server: ServerAccess,
  attributes: AdmissionAttributes,
  name: string,
  ctx: RequestContext,
): Promise<Account> {
  const { namespace } = attributes;
  const store = server.store('', 'serviceaccounts');
  const cached = store.peek(namespace, name);
  if (cached) return cached;
  const attempts = name === DEFAULT_ACCOUNT ? LOOKUP_ATTEMPTS : 1;
  for (let tried = 1; ; tried++) {
    try {
      return await store.get(namespace, name);
    } catch (err) {
      if (!isReason(err, 'NotFound')) throw err;
      if (tried >= attempts)
        throw refuse(
          attributes,
          `error looking up service account ${namespace}/${name}: serviceaccount ${JSON.stringify(name)} not found`,
        );
      await ctx.clock.sleep(LOOKUP_DELAY_MS, ctx.signal);
    }
  }
}

function mountToken(pod: Pod, ctx: RequestContext): void {
  const { spec } = pod;
  if (!spec) return;
  const existing = spec.volumes?.find((volume) => volume.name.startsWith(VOLUME_PREFIX));
  const name = existing?.name ?? generateName(VOLUME_PREFIX, () => ctx.clock.random());
  let needed = false;
  const mount = (container: Container) => {
    if (container.volumeMounts?.some((present) => present.mountPath === MOUNT_PATH)) return;
    container.volumeMounts = [
      ...(container.volumeMounts ?? []),
      { name, readOnly: true, mountPath: MOUNT_PATH },
    ];
    needed = true;
  };
  for (const container of spec.initContainers ?? []) mount(container);
  for (const container of spec.containers ?? []) mount(container);
  if (existing || !needed) return;
  spec.volumes = [
    ...(spec.volumes ?? []),
    {
      name,
      projected: {
        sources: [
          { serviceAccountToken: { expirationSeconds: TOKEN_SECONDS, path: 'token' } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          {
            downwardAPI: {
              items: [
                {
                  path: 'namespace',
                  fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' },
                },
              ],
            },
          },
        ],
        defaultMode: 0o644,
      },
    },
  ];
}

/** A mirror pod shows what a node runs by itself; it may use nothing of the API. */
function checkMirrorPod(attributes: AdmissionAttributes, pod: Pod): void {
  if (pod.spec?.serviceAccountName)
    throw refuse(attributes, 'a mirror pod may not reference service accounts');
  for (const container of containersOf(pod)) {
    if (container.env?.some((variable) => variable.valueFrom?.secretKeyRef))
      throw refuse(attributes, 'a mirror pod may not reference secrets');
  }
  for (const volume of pod.spec?.volumes ?? []) {
    if (volume.secret) throw refuse(attributes, 'a mirror pod may not reference secrets');
    if (volume.persistentVolumeClaim)
      throw refuse(attributes, 'a mirror pod may not reference persistentvolumeclaims');
    if (volume.projected?.sources?.some((source) => source.serviceAccountToken))
      throw refuse(attributes, 'a mirror pod may not use ServiceAccountToken volume projections');
  }
}

function checkMountable(attributes: AdmissionAttributes, pod: Pod, account: Account): void {
  const mountable = new Set((account.secrets ?? []).map((secret) => secret.name));
  const accountName = account.metadata?.name ?? '';
  for (const volume of pod.spec?.volumes ?? []) {
    const name = volume.secret?.secretName;
    if (name && !mountable.has(name))
      throw refuse(
        attributes,
        `volume with secret.secretName=${JSON.stringify(name)} is not allowed because service account ${accountName} does not reference that secret`,
      );
  }
  for (const container of containersOf(pod)) {
    for (const variable of container.env ?? []) {
      const name = variable.valueFrom?.secretKeyRef?.name;
      if (name && !mountable.has(name))
        throw refuse(
          attributes,
          `container ${container.name} with envVar ${variable.name} referencing secret.secretName=${JSON.stringify(name)} is not allowed because service account ${accountName} does not reference that secret`,
        );
    }
  }
}

function containersOf(pod: Pod): Container[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
}
