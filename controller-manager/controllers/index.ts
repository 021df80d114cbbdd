/** Every controller there is, one line each, in the order in which they start. */
import type { ControllerDescriptor } from '../controller.js';
import { replicaSet } from './replica-set.js';
import { replicationController } from './replication-controller.js';

export const CONTROLLERS: readonly ControllerDescriptor[] = [replicaSet, replicationController];
