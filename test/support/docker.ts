/**
 * A Docker engine for tests of the compose file, where one runs. The image that the Dockerfile builds on is
 * pulled by users; here, where nothing may be fetched, it is made from this machine's own Node and npm.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { run } from './run.js';

const BASE_IMAGE = 'node:20-bookworm-slim';
const BUSYBOX = '/bin/busybox';
const APPLETS = ['sh', 'env', 'cat', 'ls', 'mkdir', 'rm', 'cp', 'sleep'];
const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';

/** The reason why there is no engine to test on; undefined where there is one. */
export async function noDocker(): Promise<string | undefined> {
  if (!(await works('docker', ['info']))) return 'no Docker engine answers';
  if (!(await composeCommand())) return 'no docker compose is installed';
  if (!(await works('docker', ['image', 'inspect', BASE_IMAGE])) && !existsSync(BUSYBOX)) {
    return `${BASE_IMAGE} is not there, and without busybox none can be made`;
  }
  return undefined;
}

/** `docker compose`, or the older program of its own. */
export async function composeCommand(): Promise<readonly string[] | undefined> {
  if (await works('docker', ['compose', 'version'])) return ['docker', 'compose'];
  if (await works('docker-compose', ['version'])) return ['docker-compose'];
  return undefined;
}

/** Makes the base image out of this machine where it is missing. */
export async function ensureBaseImage(): Promise<void> {
  if (await works('docker', ['image', 'inspect', BASE_IMAGE])) return;
  const root = mkdtempSync(join(tmpdir(), 'drydock-image-'));
  try {
    const put = (from: string, to: string) => {
      mkdirSync(dirname(join(root, to)), { recursive: true });
      cpSync(from, join(root, to), { recursive: true, dereference: true });
    };
    put(process.execPath, '/usr/bin/node');
    const npm = dirname(
      dirname(realpathSync(execFileSync('which', ['npm'], { encoding: 'utf8' }).trim())),
    );
    put(npm, '/usr/lib/node_modules/npm');
    symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/bin/npm'));
    put(BUSYBOX, '/bin/busybox');
    for (const applet of APPLETS) symlinkSync('busybox', join(root, 'bin', applet));
    symlinkSync('../../bin/env', join(root, 'usr/bin/env'));
    for (const library of librariesOf(process.execPath)) put(library, library);
    if (existsSync(CERTIFICATES)) put(CERTIFICATES, CERTIFICATES);
    mkdirSync(join(root, 'tmp'), { mode: 0o1777 });
    execFileSync('sh', [
      '-c',
      `tar -C "$0" -c . | docker import --change 'ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES}' - ${BASE_IMAGE}`,
      root,
    ]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function librariesOf(program: string): string[] {
  const names = execFileSync('ldd', [program], { encoding: 'utf8' });
  return [...names.matchAll(/(\/\S+\.so\S*)/g)].map(([, path]) => path as string);
}

async function works(command: string, args: readonly string[]): Promise<boolean> {
  try {
    return (await run(command, args, { timeoutMs: 20_000 })).code === 0;
  } catch {
    // It is not installed.
    return false;
  }
}
