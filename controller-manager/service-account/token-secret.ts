/** Secrets that hold a token of a service account: whose, and since when nobody used it. Pure. */
import type { Pod, Secret, ServiceAccount } from '../../pkg/api/types.js';
import { parseTime } from '../../pkg/apimachinery/time.js';

export const TOKEN_SECRET_TYPE = 'kubernetes.io/service-account-token';
export const LAST_USED = 'kubernetes.io/legacy-token-last-used';
export const INVALID_SINCE = 'kubernetes.io/legacy-token-invalid-since';

export function accountNameOf({ metadata }: Secret): string {
  return metadata?.annotations?.['kubernetes.io/service-account.name'] ?? '';
}

export function accountUidOf({ metadata }: Secret): string {
  return metadata?.annotations?.['kubernetes.io/service-account.uid'] ?? '';
}

export interface CleanUp {
  readonly secret: Secret;
  readonly account: ServiceAccount | undefined;
  /** Names of the Secrets that pods of the namespace use. */
  readonly used: ReadonlySet<string>;
  /** How long it may be unused. */
  readonly periodMs: number;
  readonly now: number;
}

/** One that was made for its account and is not used is marked first, and deleted a period later. */
export function cleanUpOf(cleanUp: CleanUp): 'keep' | 'mark' | 'delete' {
  const { secret, account, used, periodMs, now } = cleanUp;
  const { name = '', labels = {}, creationTimestamp, deletionTimestamp } = secret.metadata ?? {};
  if (secret.type !== TOKEN_SECRET_TYPE || deletionTimestamp !== undefined) return 'keep';
  const edge = now - periodMs;
  const created = parseTime(creationTimestamp ?? '');
  if (created === undefined || created >= edge) return 'keep';
  const lastUsed = labels[LAST_USED];
  if (lastUsed !== undefined && (!isDate(lastUsed) || lastUsed >= dateOf(edge))) return 'keep';
  // Only what the account lists was made for it; others were made by hand.
  if (!account?.secrets?.some((ref) => ref.name === name) || used.has(name)) return 'keep';
  const since = labels[INVALID_SINCE] ?? '';
  if (!isDate(since)) return 'mark';
  return since >= dateOf(edge) ? 'keep' : 'delete';
}

/** `2006-01-02` */
export function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

export function isDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text));
}

/** The Secrets that a pod refers to, wherever. */
export function secretsOf({ spec }: Pod): string[] {
  const names: (string | undefined)[] = (spec?.imagePullSecrets ?? []).map((ref) => ref.name);
  for (const container of [
    ...(spec?.containers ?? []),
    ...(spec?.initContainers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ]) {
    for (const from of container.envFrom ?? []) names.push(from.secretRef?.name);
    for (const env of container.env ?? []) names.push(env.valueFrom?.secretKeyRef?.name);
  }
  for (const volume of spec?.volumes ?? []) {
    names.push(
      volume.secret?.secretName,
      volume.azureFile?.secretName,
      volume.cephfs?.secretRef?.name,
      volume.cinder?.secretRef?.name,
      volume.flexVolume?.secretRef?.name,
      volume.rbd?.secretRef?.name,
      volume.scaleIO?.secretRef?.name,
      volume.iscsi?.secretRef?.name,
      volume.storageos?.secretRef?.name,
      volume.csi?.nodePublishSecretRef?.name,
      ...(volume.projected?.sources ?? []).map((source) => source.secret?.name),
    );
  }
  return names.filter((name) => name !== undefined);
}
