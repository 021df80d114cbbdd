/**
 * The Events that a kubelet tells, with their involved objects as upstream names them: a pod, one of its
 * containers by field path, or the node (whose uid is its name).
 */
import type { PersistentVolumeClaim, Pod } from '../pkg/api/types.js';
import { type EventType, referenceTo } from '../pkg/client/event-recorder.js';
import { PERSISTENT_VOLUME_CLAIMS, PODS } from '../pkg/client/resources.js';

/** The part of the client's `EventRecorder` that is used here. */
export interface EventSink {
  event(
    regarding: ReturnType<typeof referenceTo>,
    type: EventType,
    reason: string,
    message: string,
  ): void;
}

export class KubeletEvents {
  constructor(
    private readonly sink: EventSink,
    private readonly nodeName: string,
  ) {}

  pod(pod: Pod, type: EventType, reason: string, message: string): void {
    this.sink.event(referenceTo(PODS, pod), type, reason, message);
  }

  container(pod: Pod, name: string, type: EventType, reason: string, message: string): void {
    this.sink.event(referenceTo(PODS, pod, fieldPath(pod, name)), type, reason, message);
  }

  claim(claim: PersistentVolumeClaim, type: EventType, reason: string, message: string): void {
    this.sink.event(referenceTo(PERSISTENT_VOLUME_CLAIMS, claim), type, reason, message);
  }

  node(type: EventType, reason: string, message: string): void {
    const name = this.nodeName;
    this.sink.event({ apiVersion: 'v1', kind: 'Node', name, uid: name }, type, reason, message);
  }
}

function fieldPath(pod: Pod, name: string): string {
  const { initContainers, ephemeralContainers } = pod.spec ?? {};
  if (initContainers?.some((c) => c.name === name)) return `spec.initContainers{${name}}`;
  if (ephemeralContainers?.some((c) => c.name === name)) return `spec.ephemeralContainers{${name}}`;
  return `spec.containers{${name}}`;
}
