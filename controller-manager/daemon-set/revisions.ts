/**
 * The revisions of a DaemonSet: which one is of the present template, made where there is none, with the
 * highest number; and the older ones, of which some are kept (`pkg/controller/daemon/update.go`).
 */
import type { ControllerRevision, DaemonSet, Pod } from '../../pkg/api/types.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { type ControllerHistory, nextNumber, ofTemplate, REVISION_HASH } from '../history.js';

const DEFAULT_LIMIT = 10;

export interface DaemonRevisions {
  /** Pods of the newest revision carry this label. */
  readonly hash: string;
  readonly old: readonly ControllerRevision[];
  readonly collisionCount: number | undefined;
}

export async function chooseRevision(
  ds: DaemonSet,
  pods: readonly Pod[],
  history: ControllerHistory<DaemonSet>,
  podClient: ResourceClient<Pod>,
  signal: AbortSignal,
): Promise<DaemonRevisions> {
  const all: ControllerRevision[] = [];
  for (const revision of await history.claim(ds, signal)) {
    const { name = '', labels } = revision.metadata ?? {};
    const known = labels?.[REVISION_HASH] !== undefined;
    all.push(known ? revision : await history.label(revision, { [REVISION_HASH]: name }, signal));
  }
  const isSame = ofTemplate(ds.spec?.template);
  const same = all.filter(isSame);
  const old = all.filter((revision) => !isSame(revision));
  const number = nextNumber(old);
  const { collisionCount } = ds.status ?? {};
  const newest = same.at(-1);
  if (!newest) {
    const labels = ds.spec?.template.metadata?.labels;
    const made = await history.createUnderFreeName(
      ds,
      number,
      collisionCount ?? 0,
      (hash) => ({ ...labels, [REVISION_HASH]: hash }),
      signal,
    );
    const count = made.collisionCount;
    return { hash: hashOf(made.revision), old, collisionCount: count || collisionCount };
  }
  const hash = hashOf(newest);
  const duplicates = same.slice(0, -1);
  await relabel(pods, duplicates.map(hashOf), hash, podClient, signal);
  for (const duplicate of duplicates) await history.delete(duplicate, signal);
  if (newest.revision < number) await history.renumber(newest, number, signal);
  return { hash, old, collisionCount };
}

/** Revisions that pods are of stay, but count. */
export async function cleanUpRevisions(
  ds: DaemonSet,
  pods: readonly Pod[],
  old: readonly ControllerRevision[],
  history: ControllerHistory<DaemonSet>,
  signal: AbortSignal,
): Promise<void> {
  const live = new Set(pods.map((pod) => pod.metadata?.labels?.[REVISION_HASH]));
  const limit = ds.spec?.revisionHistoryLimit ?? DEFAULT_LIMIT;
  await history.truncate(old, limit, (revision) => live.has(hashOf(revision)), signal);
}

/** Pods of revisions that turn out to be one and the same are all made the newest's. */
async function relabel(
  pods: readonly Pod[],
  from: readonly string[],
  to: string,
  client: ResourceClient<Pod>,
  signal: AbortSignal,
): Promise<void> {
  for (const { metadata } of pods) {
    const { namespace = '', name = '', labels } = metadata ?? {};
    if (!from.includes(labels?.[REVISION_HASH] ?? '')) continue;
    const patch = { metadata: { labels: { [REVISION_HASH]: to } } };
    await client.patch(namespace, name, 'merge', patch, { signal });
  }
}

function hashOf(revision: ControllerRevision): string {
  return revision.metadata?.labels?.[REVISION_HASH] ?? '';
}
