/**
 * Images that are never fetched: a name is enough to know an id and a size. A pull takes a moment; it
 * fails for a registry whose host ends in `.invalid`, a name or tag that says it does not exist
 * (`does-not-exist`, `doesnotexist`, `nonexistent`, `non-existing`) or is private, a tag of nginx that courses use as
 * the one that was never published (`nginx:1.161`), and where `drydock.dev/pull-error` says so.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../../pkg/component/clock.js';
import { parseImageName } from '../../images/image-name.js';
import { type ImageInfo, type PullOptions, RuntimeError } from '../interface.js';
import { durationMs, PREFIX } from './behaviour.js';
import { userOf } from './image-facts.js';

const DEFAULT_PULL_MS = 15;
const MISSING = /does-?not-?exist|non-?exist(ent|ing)/;
const PRIVATE = /(^|[-_/.])private([-_/.]|$)/;

export class ImageStore {
  private readonly byName = new Map<string, ImageInfo>();

  constructor(
    private readonly clock: Clock,
    private readonly added: (image: ImageInfo) => void,
  ) {}

  get(image: string): ImageInfo | undefined {
    return this.byName.get(parseImageName(image).canonical);
  }

  list(): readonly ImageInfo[] {
    return [...new Set(this.byName.values())];
  }

  async pull(image: string, options: PullOptions): Promise<ImageInfo> {
    const name = parseImageName(image);
    const { annotations, signal } = options;
    await this.clock.sleep(
      durationMs(annotations[`${PREFIX}pull-time`]) ?? DEFAULT_PULL_MS,
      signal,
    );
    const error = annotations[`${PREFIX}pull-error`] ?? pullError(name);
    if (error !== undefined) throw new RuntimeError('Unknown', error);
    const known = this.byName.get(name.canonical);
    if (known) return known;
    const info = describe(name.canonical, name.familiar);
    this.restore(info);
    this.added(info);
    return info;
  }

  restore(image: ImageInfo): void {
    for (const name of image.names) this.byName.set(name, image);
  }
}

function pullError(name: ReturnType<typeof parseImageName>): string | undefined {
  const { canonical, domain, path, tag } = name;
  const prefix = `failed to pull and unpack image "${canonical}": failed to resolve reference "${canonical}": `;
  if (/\.invalid(:\d+)?$/.test(domain)) {
    const host = domain.replace(/:\d+$/, '');
    return `rpc error: code = Unknown desc = ${prefix}failed to do request: Head "https://${domain}/v2/${path}/manifests/${tag}": dial tcp: lookup ${host}: no such host`;
  }
  const neverPublished = path === 'library/nginx' && /^\d+\.\d{3,}/.test(tag ?? '');
  if (MISSING.test(path) || MISSING.test(tag) || neverPublished) {
    return `rpc error: code = NotFound desc = ${prefix}${canonical}: not found`;
  }
  if (PRIVATE.test(path)) {
    return `rpc error: code = Unknown desc = ${prefix}pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`;
  }
  return undefined;
}

function describe(canonical: string, familiar: string): ImageInfo {
  const digest = createHash('sha256').update(canonical).digest('hex');
  const repository = canonical.replace(/[:@][^/]*$/, '');
  const user = userOf(familiar);
  return {
    id: `${repository}@sha256:${digest}`,
    names: [canonical, familiar].filter((n, i, all) => all.indexOf(n) === i),
    // Between 4 and 132 MB, the same for the same name.
    sizeBytes: 4_000_000 + (Number.parseInt(digest.slice(0, 8), 16) % 128_000_000),
    ...(user === undefined ? {} : { user }),
  };
}
