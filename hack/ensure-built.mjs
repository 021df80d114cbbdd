/**
 * Makes a fresh clone runnable: installs what package-lock.json names, generates the API's types and
 * schema, and compiles. Each step is skipped when what it made is newer than what it is made from, so
 * that a second `npm start` loses no time here. This is the one file that must run before anything is
 * compiled, hence plain JavaScript.
 *
 *   node hack/ensure-built.mjs      does it
 *   import { ensureBuilt }          the same, for the commands that need a build
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const OLDEST_NODE = 20;
/** The hash of the lock file that node_modules was installed from. */
const INSTALLED = 'node_modules/.installed-from';
const SOURCES = [
  'apiserver',
  'cli',
  'controller-manager',
  'etcd',
  'hack',
  'kubelet',
  'pkg',
  'scheduler',
  'test',
];

export async function ensureBuilt({ say = (text) => process.stderr.write(`${text}\n`) } = {}) {
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
    throw new Error(`drydock needs Node ${OLDEST_NODE} or later; this is ${process.version}`);
  }
  // `npm ci` would empty what a link points to, and that is another checkout's.
  if (!isLink('node_modules')) await ensureInstalled(say);
  const built = mtime('dist/.built');
  if (built === 0 || newest() > built) {
    say('building …');
    await run(process.execPath, ['--import', 'tsx', 'hack/build.ts']);
  }
}

async function ensureInstalled(say) {
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (!isInstalled(wanted)) {
    say('installing dependencies (first time only) …');
    await run('npm', ['ci', '--no-fund', '--no-audit', '--loglevel=error']);
  }
  writeStamp(wanted);
}

/** What is installed is what the lock file names: as noted at the last install, or as npm's own copy is newer. */
function isInstalled(wanted) {
  const noted = join(root, INSTALLED);
  if (existsSync(noted)) return readFileSync(noted, 'utf8') === wanted;
  const installed = mtime('node_modules/.package-lock.json');
  return installed !== 0 && installed >= mtime('package-lock.json');
}

function writeStamp(wanted) {
  const noted = join(root, INSTALLED);
  if (!existsSync(noted) || readFileSync(noted, 'utf8') !== wanted) writeFileSync(noted, wanted);
}

function isLink(path) {
  return lstatSync(join(root, path), { throwIfNoEntry: false })?.isSymbolicLink() === true;
}

function mtime(path) {
  try {
    return statSync(join(root, path)).mtimeMs;
  } catch {
    return 0;
  }
}

/** The time of the newest source; one stat a file, a few milliseconds in all. */
function newest() {
  let latest = mtime('package.json');
  const walk = (dir) => {
    for (const entry of readdirSync(join(root, dir), { withFileTypes: true })) {
      const path = `${dir}/${entry.name}`;
      if (entry.isDirectory()) {
        if (entry.name !== 'generated' && entry.name !== 'node_modules') walk(path);
      } else if (/\.(ts|json|js|html|css)$/.test(entry.name)) {
        latest = Math.max(latest, mtime(path));
      }
    }
  };
  for (const dir of SOURCES) if (existsSync(join(root, dir))) walk(dir);
  return latest;
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
    child.on('error', reject);
    child.on('exit', (code, signal) =>
      code === 0
        ? resolve()
        : reject(new Error(`${command} ${args.join(' ')} ended with ${signal ?? code}`)),
    );
  });
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    await ensureBuilt();
  } catch (err) {
    process.stderr.write(`${err.message}\n`);
    process.exitCode = 1;
  }
}
