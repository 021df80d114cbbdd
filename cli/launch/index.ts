/** One launch descriptor for each kind of process. */
import { componentOf } from '../cluster-config.js';
import { apiserver } from './apiserver.js';
import { controllerManager } from './controller-manager.js';
import type { Descriptor, Launch, LaunchContext } from './descriptor.js';
import { etcd } from './etcd.js';
import { kubelet } from './kubelet.js';
import { scheduler } from './scheduler.js';

const DESCRIPTORS: Readonly<Record<string, Descriptor>> = {
  etcd,
  apiserver,
  scheduler,
  'controller-manager': controllerManager,
  kubelet,
};

export function launchOf(name: string, context: LaunchContext): Launch {
  const descriptor = DESCRIPTORS[componentOf(name)];
  if (!descriptor) throw new Error(`no process is called ${name}`);
  return descriptor(name, context);
}

export type { Launch } from './descriptor.js';
