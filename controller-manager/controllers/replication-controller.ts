/** Keeps as many pods as a ReplicationController asks for: the ReplicaSet loop on the older kind. */

import type { ReplicationController } from '../../pkg/api/types.js';
import { selectorFromSet } from '../../pkg/apimachinery/labels.js';
import { REPLICATION_CONTROLLERS } from '../../pkg/client/resources.js';
import type { ControllerDescriptor } from '../controller.js';
import { type ReplicaOwner, ReplicaSetController } from './replica-set.js';

export const replicationController: ControllerDescriptor = {
  name: 'replicationcontroller-controller',
  aliases: ['replicationcontroller'],
  serviceAccount: 'replication-controller',
  create: (context) =>
    new ReplicaSetController<ReplicationController & ReplicaOwner>(context, {
      ref: REPLICATION_CONTROLLERS,
      component: 'replication-controller',
      concurrency: 'rc',
      selectorOf: (rc) => selectorFromSet(rc.spec?.selector),
    }),
};
