/** Every controller there is, one line each, in the order in which they start. */
import type { ControllerDescriptor } from '../controller.js';
import { deployment } from './deployment.js';
import { endpointSlice } from './endpoint-slice.js';
import { endpoints } from './endpoints.js';
import { garbageCollector } from './garbage-collector.js';
import { namespaceController } from './namespace.js';
import { nodeIpam } from './node-ipam.js';
import { nodeLifecycle } from './node-lifecycle.js';
import { podGarbageCollector } from './pod-gc.js';
import { replicaSet } from './replica-set.js';
import { replicationController } from './replication-controller.js';
import { rootCaPublisher } from './root-ca-publisher.js';
import { serviceAccount } from './service-account.js';
import { taintEviction } from './taint-eviction.js';

export const CONTROLLERS: readonly ControllerDescriptor[] = [
  nodeIpam,
  nodeLifecycle,
  serviceAccount,
  rootCaPublisher,
  namespaceController,
  deployment,
  replicaSet,
  replicationController,
  endpoints,
  endpointSlice,
  taintEviction,
  podGarbageCollector,
  garbageCollector,
];
