/**
 * Compiles the project into dist/:
 *   dist/FOLDER/FILE.js  every file by itself, tests included, for `npm test`
 *   dist/bin/NAME.js     one bundle a process, which starts in a third of the time of its many files
 * Types are not checked here (`npm run typecheck`), so that a first `npm start` takes seconds.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { type BuildOptions, build } from 'esbuild';
import { generate } from './generate.js';
import { globSync } from './glob.js';

const FOLDERS = [
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

/** Process name → its main file. */
const ENTRIES: Record<string, string> = {
  etcd: 'etcd/main.ts',
  apiserver: 'apiserver/main.ts',
  scheduler: 'scheduler/main.ts',
  'controller-manager': 'controller-manager/main.ts',
  kubelet: 'kubelet/main.ts',
  drydock: 'cli/main.ts',
};

const shared: BuildOptions = {
  platform: 'node',
  target: 'node20',
  format: 'esm',
  sourcemap: true,
  logLevel: 'warning',
};

rmSync('dist', { recursive: true, force: true });
mkdirSync('dist', { recursive: true });
await generate();
const sources = globSync(FOLDERS, (name) => name.endsWith('.ts') && !name.endsWith('.d.ts'));
await Promise.all([
  build({ ...shared, entryPoints: sources, outdir: 'dist', outbase: '.' }),
  build({
    ...shared,
    entryPoints: ENTRIES,
    outdir: 'dist/bin',
    bundle: true,
    splitting: true,
    minifySyntax: true,
    // Native parts find their files by their own place on disk.
    // No route has a JSON schema, so Fastify's compilers, half of its code, are never called.
    alias: {
      '@fastify/ajv-compiler': './hack/no-schema-compiler.cjs',
      '@fastify/fast-json-stringify-compiler': './hack/no-schema-compiler.cjs',
    },
    define: { 'process.env.DRYDOCK_GIT_COMMIT': JSON.stringify(gitCommit()) },
    external: ['level', 'classic-level', 'pino', 'fsevents'],
    banner: {
      // CommonJS packages inside an ES bundle call require for Node's own modules.
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  }),
]);
writeFileSync('dist/.built', '');

/** What was built, for /version; an archive of the sources does not know, and may be told. */
function gitCommit(): string {
  const told = process.env['DRYDOCK_GIT_COMMIT'];
  if (told) return told;
  const { status, stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : 'unknown';
}
