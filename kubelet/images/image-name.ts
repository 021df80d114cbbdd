/**
 * Image references as `github.com/distribution/reference` reads them: `nginx` → `docker.io/library/nginx`,
 * tag `latest`. A bad one throws an `ImageNameError` with the text that users know. Pure.
 */

export class ImageNameError extends Error {
  override readonly name = 'ImageNameError';
}

export interface ImageName {
  /** `docker.io/library/nginx:latest` */
  readonly canonical: string;
  /** `nginx:latest` */
  readonly familiar: string;
  readonly domain: string;
  readonly path: string;
  /** The tag, or the digest where there is one. */
  readonly tag: string;
}

const DOMAIN =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/;
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const MAX_NAME = 255;
/** Names that were read lately: a node runs many pods of few images, and asks for the name in every status. */
const MAX_KNOWN = 500;
const known = new Map<string, ImageName>();

export function parseImageName(image: string): ImageName {
  const before = known.get(image);
  if (before) return before;
  const parsed = parse(image);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(image, parsed);
  return parsed;
}

function parse(image: string): ImageName {
  const bad = (why: string) =>
    new ImageNameError(`couldn't parse image name ${JSON.stringify(image)}: ${why}`);
  if (/^[0-9a-f]{64}$/.test(image)) {
    throw bad(`invalid repository name (${image}), cannot specify 64-byte hexadecimal strings`);
  }
  const slash = image.indexOf('/');
  const first = slash < 0 ? '' : image.slice(0, slash);
  const hasDomain =
    slash >= 0 && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first);
  const domain = hasDomain ? (first === 'index.docker.io' ? 'docker.io' : first) : 'docker.io';
  let rest = hasDomain ? image.slice(slash + 1) : image;
  if (domain === 'docker.io' && !rest.includes('/')) rest = `library/${rest}`;
  const at = rest.indexOf('@');
  const digest = at < 0 ? '' : rest.slice(at + 1);
  const named = at < 0 ? rest : rest.slice(0, at);
  const colon = named.lastIndexOf(':');
  const path = colon > named.lastIndexOf('/') ? named.slice(0, colon) : named;
  const tag = colon > named.lastIndexOf('/') ? named.slice(colon + 1) : '';
  if (path.toLowerCase() !== path) {
    throw bad(`invalid reference format: repository name (${path}) must be lowercase`);
  }
  const wellFormed =
    DOMAIN.test(domain) &&
    path.split('/').every((c) => COMPONENT.test(c)) &&
    (colon <= named.lastIndexOf('/') || TAG.test(tag)) &&
    (at < 0 || DIGEST.test(digest));
  if (!wellFormed) throw bad('invalid reference format');
  if (path.length > MAX_NAME)
    throw bad(`repository name must not be more than ${MAX_NAME} characters`);
  const suffix = digest !== '' ? `@${digest}` : `:${tag || 'latest'}`;
  const familiar = domain === 'docker.io' ? path.replace(/^library\//, '') : `${domain}/${path}`;
  return {
    canonical: `${domain}/${path}${suffix}`,
    familiar: familiar + suffix,
    domain,
    path,
    tag: digest !== '' ? digest : tag || 'latest',
  };
}
