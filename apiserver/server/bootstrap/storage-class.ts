/**
 * The StorageClass `standard`, made with the cluster and never again: who deletes it, or takes its mark as
 * the default away, is not overruled by a restart. Its provisioner is a part of the controller manager.
 */
import type { StorageClass } from '../../../pkg/api/types.js';
import { HOSTPATH_PROVISIONER } from '../../../pkg/api/volumes/claims.js';
import { isReason } from '../../../pkg/apimachinery/status.js';
import type { RequestContext } from '../request-context.js';
import { ensure } from './ensure.js';

const GROUP = 'storage.k8s.io';

/** Call before the system's namespaces are made: that they are missing is what tells a new cluster. */
export async function createFirstStorageClass(ctx: RequestContext): Promise<void> {
  if (await exists(ctx, 'kube-system')) return;
  const wanted: StorageClass = {
    apiVersion: `${GROUP}/v1`,
    kind: 'StorageClass',
    metadata: {
      name: 'standard',
      annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
    },
    provisioner: HOSTPATH_PROVISIONER,
    reclaimPolicy: 'Delete',
    volumeBindingMode: 'WaitForFirstConsumer',
    allowVolumeExpansion: true,
  };
  await ensure(ctx, GROUP, 'storageclasses', wanted);
}

async function exists(ctx: RequestContext, namespace: string): Promise<boolean> {
  try {
    await ctx.server.store('', 'namespaces').get('', namespace);
    return true;
  } catch (err) {
    if (isReason(err, 'NotFound')) return false;
    throw err;
  }
}
