/** Scheduling: limits, predicates, priorities. */
import type { Area } from './coverage.js';
import { held } from './rows.js';

export const scheduling: Area = [
  ...held('test/e2e/conformance/scheduling.ts', [
    'LimitRange, resources',
    'LimitRange, list, patch and delete a LimitRange by collection',
    'Scheduler, resource limits',
    'Scheduler, node selector matching',
    'Scheduler, node selector not matching',
    'Scheduling, HostPort and Protocol match, HostIPs different but one is default HostIP (0.0.0.0)',
    'Pod preemption verification',
    'Scheduler, Verify PriorityClass endpoints',
    'Scheduler, Basic Preemption',
    'Scheduler, Preemption for critical pod',
    'Verify the DisruptionTarget condition is added to the preempted pod',
  ]),
];
