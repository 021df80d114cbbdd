/** The small areas: accounts, kubectl, Events, the cluster as a whole. */
import type { Area } from './coverage.js';
import { held, notCovered, TOKENS, TRAFFIC } from './rows.js';

const auth: Area = [
  ...held('test/e2e/conformance/accounts.ts', [
    'Service account tokens auto mount optionally',
    'ServiceAccount, create and review token',
    'RootCA ConfigMap test',
    'SubjectReview, API Operations',
  ]),
  ...held('test/e2e/conformance/api-operations.ts', [
    'CertificateSigningRequest API',
    'ServiceAccount lifecycle test',
    'ServiceAccount, update a ServiceAccount',
  ]),
  ...notCovered(TOKENS, [
    'OIDC Discovery (ServiceAccountIssuerDiscovery)',
    'Service Account Tokens Must AutoMount',
    'TokenRequestProjection should mount a projected volume with token using TokenRequest API.',
  ]),
];

const cli: Area = [
  ...held('test/e2e/conformance/kubectl.ts', [
    'Kubectl, check version v1',
    'Kubectl, cluster info',
    'Kubectl, describe pod or rc',
    'Kubectl, diff Deployment',
    'Kubectl, create service, replication controller',
    'Kubectl, label update',
    'Kubectl, patch to annotate',
    'Kubectl, replace',
    'Kubectl, run pod',
    'Kubectl, server-side dry-run Pod',
    'Kubectl, version',
    'Kubectl, proxy socket',
    'Kubectl, proxy port zero',
    'Kubectl, replication controller',
    'Kubectl, scale replication controller',
    'Kubectl, logs',
  ]),
  ...notCovered(TRAFFIC, ['Kubectl, guestbook application']),
];

const instrumentation: Area = [
  ...held('test/e2e/conformance/api-operations.ts', [
    'New Event resource lifecycle, testing a list of events',
    'New Event resource lifecycle, testing a single event',
    'Event, delete a collection',
    'Event, manage lifecycle of an Event',
  ]),
];

const architecture: Area = [
  ...held('test/e2e/conformance/pods-and-nodes.ts', ['Conformance tests minimum number of nodes.']),
];

export const others = { auth, cli, instrumentation, architecture };
