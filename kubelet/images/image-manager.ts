/**
 * Makes sure that a container's image is there, as its pull policy wants, and tells it with the events and
 * errors of `pkg/kubelet/images`. One pull of an image runs at a time on a node; others wait for it.
 */
import type { Container, Pod } from '../../pkg/api/types.js';
import { formatDuration } from '../../pkg/apimachinery/duration.js';
import type { Clock } from '../../pkg/component/clock.js';
import { Backoff } from '../backoff.js';
import type { KubeletEvents } from '../events.js';
import { uidOf } from '../pod/pod.js';
import { type ContainerRuntime, type ImageInfo, RuntimeError } from '../runtime/interface.js';
import { ImageNameError, parseImageName } from './image-name.js';

const INITIAL_BACKOFF_MS = 10_000;
const MAX_BACKOFF_MS = 300_000;

/** Why a container waits: `reason` and `message` are those of its status. */
export class ImageError extends Error {
  constructor(
    readonly reason: string,
    message: string,
    /** When it is worth another try. */
    readonly retryAfterMs: number,
  ) {
    super(message);
    this.name = 'ImageError';
  }
}

export interface ImageManagerOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  readonly events: KubeletEvents;
}

export class ImageManager {
  private readonly backoff = new Backoff(INITIAL_BACKOFF_MS, MAX_BACKOFF_MS);
  private readonly lastErrors = new Map<string, string>();
  private readonly pulls = new Map<string, Promise<ImageInfo>>();

  constructor(private readonly options: ImageManagerOptions) {}

  /** Throws an `ImageError`. */
  async ensure(pod: Pod, container: Container, signal: AbortSignal): Promise<ImageInfo> {
    const { runtime, clock, events } = this.options;
    const image = container.image ?? '';
    const quoted = JSON.stringify(image);
    const tell = (type: 'Normal' | 'Warning', reason: string, message: string) =>
      events.container(pod, container.name, type, reason, message);
    const canonical = this.canonical(image, tell);
    const policy = container.imagePullPolicy ?? 'IfNotPresent';
    const present = await runtime.imageStatus(image);
    if (present && policy !== 'Always') {
      tell(
        'Normal',
        'Pulled',
        `Container image ${quoted} already present on machine and can be accessed by the pod`,
      );
      return present;
    }
    if (policy === 'Never') {
      const message = `Container image ${quoted} is not present with pull policy of Never`;
      tell('Warning', 'ErrImageNeverPull', message);
      throw new ImageError('ErrImageNeverPull', message, INITIAL_BACKOFF_MS);
    }
    const key = `${uidOf(pod)}_${image}`;
    const left = this.backoff.leftSinceUpdate(key, clock.now());
    if (left > 0) {
      const message = `Back-off pulling image ${quoted}`;
      tell('Normal', 'BackOff', message);
      const before = this.lastErrors.get(key);
      throw new ImageError(
        'ImagePullBackOff',
        before ? `${message}: ErrImagePull: ${before}` : message,
        left,
      );
    }
    tell('Normal', 'Pulling', `Pulling image ${quoted}`);
    const began = clock.now();
    try {
      const { info, waitedMs } = await this.pull(canonical, image, pod, signal);
      this.lastErrors.delete(key);
      const took = clock.now() - began;
      tell(
        'Normal',
        'Pulled',
        `Successfully pulled image ${quoted} in ${formatDuration(took - waitedMs)} (${formatDuration(took)} including waiting). Image size: ${info.sizeBytes} bytes.`,
      );
      return info;
    } catch (err) {
      if (!(err instanceof RuntimeError)) throw err;
      tell('Warning', 'Failed', `Failed to pull image ${quoted}: ${err.message}`);
      this.backoff.next(key, clock.now(), clock.now());
      this.lastErrors.set(key, err.message);
      throw new ImageError('ErrImagePull', err.message, this.backoff.get(key));
    }
  }

  /** Drops what is remembered of a pod that is gone. */
  forget(podUid: string): void {
    const prefix = `${podUid}_`;
    this.backoff.forget(prefix);
    for (const key of this.lastErrors.keys())
      if (key.startsWith(prefix)) this.lastErrors.delete(key);
  }

  private canonical(
    image: string,
    tell: (t: 'Normal' | 'Warning', r: string, m: string) => void,
  ): string {
    try {
      return parseImageName(image).canonical;
    } catch (err) {
      if (!(err instanceof ImageNameError)) throw err;
      const message = `Failed to apply default image tag ${JSON.stringify(image)}: ${err.message}`;
      tell('Warning', 'InspectFailed', message);
      throw new ImageError('InvalidImageName', message, INITIAL_BACKOFF_MS);
    }
  }

  private async pull(
    canonical: string,
    image: string,
    pod: Pod,
    signal: AbortSignal,
  ): Promise<{ info: ImageInfo; waitedMs: number }> {
    const { runtime, clock } = this.options;
    const began = clock.now();
    for (let other = this.pulls.get(canonical); other; other = this.pulls.get(canonical)) {
      const [outcome] = await Promise.allSettled([other]);
      if (outcome?.status === 'fulfilled')
        return { info: outcome.value, waitedMs: clock.now() - began };
    }
    const waitedMs = clock.now() - began;
    const pulling = runtime.pullImage(image, {
      annotations: pod.metadata?.annotations ?? {},
      signal,
    });
    this.pulls.set(canonical, pulling);
    try {
      return { info: await pulling, waitedMs };
    } finally {
      this.pulls.delete(canonical);
    }
  }
}
