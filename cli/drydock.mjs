#!/usr/bin/env node
/** The `drydock` command of a clone: builds what is missing, then hands over to the compiled CLI. */
import { ensureBuilt } from '../hack/ensure-built.mjs';

try {
  await ensureBuilt();
} catch (err) {
  process.stderr.write(`${err.message}\n`);
  process.exit(1);
}
await import('../dist/bin/drydock.js');
