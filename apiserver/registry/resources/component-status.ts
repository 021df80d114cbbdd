/**
 * ComponentStatus: how the control plane's other parts answered when asked just now. Nothing is stored;
 * deprecated since v1.19, and `kubectl get componentstatuses` still works.
 */

import type { ComponentStatus } from '../../../pkg/api/types.js';
import { notFound } from '../../../pkg/apimachinery/status.js';
import { nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';

/** What a component said of itself. */
export interface ComponentHealth {
  readonly healthy: boolean;
  /** `ok` */
  readonly message: string;
  readonly error?: string;
}

/** One for each component, by its name: `scheduler`, `controller-manager`, `etcd-0`. */
export type ComponentProbes = Readonly<
  Record<string, (signal: AbortSignal) => Promise<ComponentHealth>>
>;

export function componentStatus(probes: ComponentProbes): ResourceDefinition<ComponentStatus> {
  return {
    group: '',
    version: 'v1',
    kind: 'ComponentStatus',
    resource: 'componentstatuses',
    singular: 'componentstatus',
    namespaced: false,
    shortNames: ['cs'],
    verbs: ['get', 'list'],
    deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
    definition: 'io.k8s.api.core.v1.ComponentStatus',
    columns: [
      nameColumn(),
      textColumn('Status', 'Whether the component is healthy.', (obj) => {
        const healthy = obj.conditions?.find(({ type }) => type === 'Healthy')?.status;
        return healthy === 'True' ? 'Healthy' : healthy === 'False' ? 'Unhealthy' : 'Unknown';
      }),
      textColumn('Message', 'What it answered.', (obj) => healthyOf(obj)?.message ?? ''),
      textColumn('Error', 'What was wrong.', (obj) => healthyOf(obj)?.error ?? ''),
    ],
    strategy: {},
    virtual: {
      async get(name, ctx) {
        const probe = probes[name];
        if (!probe) throw notFound({ group: '', resource: 'componentstatuses' }, name);
        return toObject(name, await probe(ctx.signal));
      },
      list: (ctx) =>
        Promise.all(
          Object.entries(probes).map(async ([name, probe]) =>
            toObject(name, await probe(ctx.signal)),
          ),
        ),
    },
  };
}

function healthyOf(obj: ComponentStatus) {
  return obj.conditions?.find(({ type }) => type === 'Healthy');
}

function toObject(name: string, { healthy, message, error }: ComponentHealth): ComponentStatus {
  return {
    apiVersion: 'v1',
    kind: 'ComponentStatus',
    metadata: { name },
    conditions: [
      {
        type: 'Healthy',
        status: healthy ? 'True' : 'False',
        ...(message ? { message } : {}),
        ...(error ? { error } : {}),
      },
    ],
  };
}
