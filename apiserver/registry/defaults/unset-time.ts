/**
 * A Time that Go's types hold by value shows as `null` while it is not set (`lastProbeTime: null`), and the
 * generated types, made from OpenAPI, do not know that. This is the one place that says otherwise.
 */
import type { Time } from '../../../pkg/api/types.js';

export const UNSET_TIME = null as unknown as Time;
