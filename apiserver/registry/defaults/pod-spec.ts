/**
 * What a PodSpec is filled up with, in a Pod and in every pod template: `setPodSpecDefaults` for both,
 * `setPodOnlyDefaults` for what shows in Pods alone (a template keeps what its author left out).
 * Also the empty structures that Kubernetes always shows (`resources: {}`). Idempotent.
 */
import type {
  Container,
  EnvVar,
  Lifecycle,
  PodSpec,
  PodTemplateSpec,
  Probe,
  Volume,
} from '../../../pkg/api/types.js';

const DEFAULT_TERMINATION_GRACE_SECONDS = 30;
const DEFAULT_FILE_MODE = 0o644;
const DEFAULT_TOKEN_EXPIRATION_SECONDS = 3600;

export function setPodTemplateDefaults(template: PodTemplateSpec | undefined): void {
  if (!template) return;
  template.metadata ??= {};
  template.spec ??= { containers: [] };
  setPodSpecDefaults(template.spec);
}

export function setPodSpecDefaults(spec: PodSpec): void {
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= DEFAULT_TERMINATION_GRACE_SECONDS;
  spec.schedulerName ||= 'default-scheduler';
  setServiceAccountAlias(spec);
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume);
  for (const container of spec.initContainers ?? []) setContainerDefaults(container);
  for (const container of spec.containers ?? []) setContainerDefaults(container);
  for (const container of spec.ephemeralContainers ?? []) setContainerDefaults(container);
}

/** What a Pod shows and a template does not: requests made from limits, `enableServiceLinks`, host ports. */
export function setPodOnlyDefaults(spec: PodSpec): void {
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    const limits = container.resources?.limits;
    if (!container.resources || !limits) continue;
    container.resources.requests = { ...limits, ...container.resources.requests };
  }
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork) setHostPorts(spec);
}

/** `latest`, also when neither tag nor digest is given; empty for a digest alone or a reference that does not parse. */
export function imageTag(reference: string): string {
  const [named = '', digest] = reference.split('@', 2);
  const match =
    /^((?:[^/\s]+\/)*)([a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)(?::(\w[\w.-]{0,127}))?$/.exec(named);
  if (!match) return '';
  const [, prefix = '', , tag] = match;
  // Only the first part, a registry's host, may have capitals.
  const path = prefix.split('/').slice(1).join('/');
  if (path !== path.toLowerCase()) return '';
  return tag ?? (digest === undefined ? 'latest' : '');
}

/** Both spellings show; the newer one wins. */
function setServiceAccountAlias(spec: PodSpec): void {
  const name = spec.serviceAccountName || spec.serviceAccount;
  if (!name) return;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
}

type ContainerLike = Omit<Container, 'resources'> & Pick<Container, 'resources'>;

function setContainerDefaults(container: ContainerLike): void {
  container.imagePullPolicy ||=
    imageTag(container.image ?? '') === 'latest' ? 'Always' : 'IfNotPresent';
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  container.resources ??= {};
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  for (const env of container.env ?? []) setEnvDefaults(env);
  setProbeDefaults(container.livenessProbe);
  setProbeDefaults(container.readinessProbe);
  setProbeDefaults(container.startupProbe);
  setLifecycleDefaults(container.lifecycle);
}

function setEnvDefaults(env: EnvVar): void {
  const from = env.valueFrom;
  if (from?.fieldRef) from.fieldRef.apiVersion ||= 'v1';
  if (from?.resourceFieldRef) from.resourceFieldRef.divisor ??= '0';
  if (from?.fileKeyRef) from.fileKeyRef.optional ??= false;
}

function setProbeDefaults(probe: Probe | undefined): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  setHTTPGetDefaults(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= '';
}

function setLifecycleDefaults(lifecycle: Lifecycle | undefined): void {
  setHTTPGetDefaults(lifecycle?.postStart?.httpGet);
  setHTTPGetDefaults(lifecycle?.preStop?.httpGet);
}

function setHTTPGetDefaults(action: { path?: string; scheme?: string } | undefined): void {
  if (!action) return;
  action.path ||= '/';
  action.scheme ||= 'HTTP';
}

function setHostPorts(spec: PodSpec): void {
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    for (const port of container.ports ?? []) port.hostPort ||= port.containerPort;
  }
}

function setVolumeDefaults(volume: Volume): void {
  const sources = Object.keys(volume).filter((key) => key !== 'name');
  if (sources.length === 0) volume.emptyDir = {};
  if (volume.secret) volume.secret.defaultMode ??= DEFAULT_FILE_MODE;
  if (volume.configMap) volume.configMap.defaultMode ??= DEFAULT_FILE_MODE;
  if (volume.hostPath) volume.hostPath.type ??= '';
  if (volume.downwardAPI) {
    volume.downwardAPI.defaultMode ??= DEFAULT_FILE_MODE;
    setDownwardAPIDefaults(volume.downwardAPI.items);
  }
  if (volume.projected) {
    volume.projected.defaultMode ??= DEFAULT_FILE_MODE;
    for (const source of volume.projected.sources ?? []) {
      if (source.serviceAccountToken) {
        source.serviceAccountToken.expirationSeconds ??= DEFAULT_TOKEN_EXPIRATION_SECONDS;
      }
      setDownwardAPIDefaults(source.downwardAPI?.items);
    }
  }
  if (volume.image) {
    volume.image.pullPolicy ||=
      imageTag(volume.image.reference ?? '') === 'latest' ? 'Always' : 'IfNotPresent';
  }
  setClaimTemplateDefaults(volume);
  setLegacyVolumeDefaults(volume);
}

function setDownwardAPIDefaults(
  items:
    | { fieldRef?: { apiVersion?: string }; resourceFieldRef?: { divisor?: string | number } }[]
    | undefined,
): void {
  for (const item of items ?? []) {
    if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1';
    if (item.resourceFieldRef) item.resourceFieldRef.divisor ??= '0';
  }
}

function setClaimTemplateDefaults(volume: Volume): void {
  const template = volume.ephemeral?.volumeClaimTemplate;
  if (!template) return;
  template.metadata ??= {};
  if (!template.spec) return;
  template.spec.resources ??= {};
  template.spec.volumeMode ??= 'Filesystem';
}

/** Drivers that left the tree; their fields are still served and filled. */
function setLegacyVolumeDefaults(volume: Volume): void {
  if (volume.iscsi) volume.iscsi.iscsiInterface ||= 'default';
  if (volume.rbd) {
    volume.rbd.pool ||= 'rbd';
    volume.rbd.user ||= 'admin';
    volume.rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (volume.azureDisk) {
    volume.azureDisk.cachingMode ||= 'ReadWrite';
    volume.azureDisk.fsType ??= 'ext4';
    volume.azureDisk.readOnly ??= false;
    volume.azureDisk.kind ??= 'Shared';
  }
  if (volume.scaleIO) {
    volume.scaleIO.storageMode ||= 'ThinProvisioned';
    volume.scaleIO.fsType ||= 'xfs';
  }
}
