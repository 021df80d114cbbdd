/**
 * Attempts to be someone else, or to get more than one has, with the exact answer to each. What is not an
 * attempt, an honest request of the same kind, succeeds.
 */
import t from 'tap';
import { certificates, frontProxy, impersonation, tokens } from './security/identity.js';
import { nodes } from './security/nodes.js';
import { SecurityRig } from './security/rig.js';
import { roles, signingRequests } from './security/rights.js';

t.setTimeout(300_000);

t.test('security', async (t) => {
  const rig = await SecurityRig.start(t);
  await t.test('certificates', (t) => certificates(t, rig));
  await t.test('tokens', (t) => tokens(t, rig));
  await t.test('impersonation', (t) => impersonation(t, rig));
  await t.test('headers of the front proxy', (t) => frontProxy(t, rig));
  await t.test('roles', (t) => roles(t, rig));
  await t.test('certificates that one asks for', (t) => signingRequests(t, rig));
  await t.test('nodes', (t) => nodes(t, rig));
});
