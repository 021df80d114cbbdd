/** AuthorizationConfiguration: what is wrong with one, and for which requests its webhooks are. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { SubjectAccessReviewSpec } from '../../pkg/api/types.js';
import { parseAuthorizationConfiguration } from './authorization-configuration.js';
import { meetsConditions } from './webhook-conditions.js';

const folder = mkdtempSync(join(tmpdir(), 'drydock-authz-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const kubeConfigFile = join(folder, 'kubeconfig');
writeFileSync(kubeConfigFile, '{}');

const file = (...authorizers: object[]) =>
  JSON.stringify({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthorizationConfiguration',
    authorizers,
  });
const WEBHOOK = {
  timeout: '3s',
  subjectAccessReviewVersion: 'v1',
  matchConditionSubjectAccessReviewVersion: 'v1',
  failurePolicy: 'Deny',
  connectionInfo: { type: 'KubeConfigFile', kubeConfigFile },
};
const webhook = (more: object = {}, name = 'hook') => ({
  type: 'Webhook',
  name,
  webhook: { ...WEBHOOK, ...more },
});
const on = (...expressions: string[]) =>
  webhook({ matchConditions: expressions.map((expression) => ({ expression })) });

t.test('authorizers in their order, webhooks with what they ask for', async (t) => {
  const [node, hook, uncached] = parseAuthorizationConfiguration(
    file(
      { type: 'Node', name: 'node' },
      webhook({ authorizedTTL: '1m' }),
      webhook({ cacheAuthorizedRequests: false, cacheUnauthorizedRequests: false }, 'second'),
    ),
  );
  t.same(node, { type: 'Node' });
  t.same(hook, {
    type: 'Webhook',
    webhook: {
      kubeconfigFile: kubeConfigFile,
      authorizedTtlMs: 60_000,
      unauthorizedTtlMs: 30_000,
      timeoutMs: 3000,
      failurePolicy: 'Deny',
      conditions: [],
    },
  });
  t.match(uncached?.webhook, { authorizedTtlMs: 0, unauthorizedTtlMs: 0 });
});

t.test('what is wrong, by its field', async (t) => {
  for (const [authorizers, message] of [
    [[], 'authorizers: Required value: at least one authorization mode must be defined'],
    [[{ type: 'Node' }], 'authorizers[0].name: Required value'],
    [
      [{ type: 'Nobody', name: 'n' }],
      'authorizers[0].type: Unsupported value: "Nobody": supported values: "ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"',
    ],
    [
      [
        { type: 'RBAC', name: 'a' },
        { type: 'RBAC', name: 'b' },
      ],
      'authorizers[1].type: Duplicate value: "RBAC"',
    ],
    [
      [
        { type: 'RBAC', name: 'a' },
        { type: 'Node', name: 'a' },
      ],
      'authorizers[1].name: Duplicate value: "a"',
    ],
    [
      [{ type: 'Webhook', name: 'a' }],
      'authorizers[0].webhook: Required value: required when type=Webhook',
    ],
    [
      [{ type: 'RBAC', name: 'a', webhook: WEBHOOK }],
      'authorizers[0].webhook: Invalid value: "non-null": may only be specified when type=Webhook',
    ],
    [
      [{ type: 'Webhook', name: 'a', webhook: {} }],
      '[authorizers[0].timeout: Required value, authorizers[0].subjectAccessReviewVersion: Required value, authorizers[0].failurePolicy: Required value, authorizers[0].connectionInfo.type: Required value]',
    ],
    [
      [webhook({ timeout: '31s' })],
      'authorizers[0].timeout: Invalid value: "31s": must be > 0s and <= 30s',
    ],
    [
      [webhook({ failurePolicy: 'Allow' })],
      'authorizers[0].failurePolicy: Unsupported value: "Allow": supported values: "NoOpinion", "Deny"',
    ],
    [
      [webhook({ connectionInfo: { type: 'KubeConfigFile', kubeConfigFile: 'a/b' } })],
      'authorizers[0].connectionInfo.kubeConfigFile: Invalid value: "a/b": must be an absolute path',
    ],
    [
      [
        webhook({
          matchConditionSubjectAccessReviewVersion: undefined,
          matchConditions: [{ expression: 'true' }],
        }),
      ],
      'authorizers[0].matchConditionSubjectAccessReviewVersion: Required value: required if match conditions are specified',
    ],
    [[on('true', 'true')], 'authorizers[0].matchConditions[1].expression: Duplicate value: "true"'],
    [
      [on('request.user')],
      'authorizers[0].matchConditions[0].expression: Invalid value: "request.user": must evaluate to bool but got string',
    ],
    [
      [on('request.resource == "pods"')],
      `authorizers[0].matchConditions[0].expression: Invalid value: "request.resource == \\"pods\\"": compilation failed: ERROR: <input>:1:8: undefined field 'resource'\n | request.resource == "pods"\n | .......^`,
    ],
    [
      [webhook({ matchCondition: [] })],
      'strict decoding error: unknown field "authorizers[0].webhook.matchCondition"',
    ],
  ] as const)
    t.throws(
      () => parseAuthorizationConfiguration(file(...authorizers)),
      { message },
      message.slice(0, 80),
    );
});

t.test('for which requests a webhook is', async (t) => {
  const pods: SubjectAccessReviewSpec = {
    user: 'ann',
    groups: ['dev'],
    resourceAttributes: {
      namespace: 'kube-system',
      verb: 'list',
      version: 'v1',
      resource: 'pods',
      fieldSelector: { requirements: [{ key: 'spec.nodeName', operator: 'In', values: ['n'] }] },
    },
  };
  const path: SubjectAccessReviewSpec = {
    user: 'ann',
    groups: [],
    nonResourceAttributes: { path: '/healthz', verb: 'get' },
  };
  for (const [spec, expressions, is] of [
    [pods, ['has(request.resourceAttributes)'], true],
    [path, ['has(request.resourceAttributes)'], false],
    [path, ["request.nonResourceAttributes.path.startsWith('/health')"], true],
    [pods, ["request.resourceAttributes.namespace == 'kube-system'"], true],
    [pods, ["request.resourceAttributes.group == '' && request.uid == ''"], true],
    [pods, ["'dev' in request.groups", "request.user != 'ann'"], false],
    [pods, ["!('system:serviceaccounts:kube-system' in request.groups)"], true],
    [
      pods,
      ["request.resourceAttributes.fieldSelector.requirements.exists(r, r.key == 'spec.nodeName')"],
      true,
    ],
    [pods, ['has(request.resourceAttributes.labelSelector)'], false],
    [path, ["request.resourceAttributes.verb == 'get'", "request.user == 'bob'"], false],
    [
      path,
      ["request.resourceAttributes.verb == 'get'", "request.user == 'ann'"],
      "cel evaluation error: expression 'request.resourceAttributes.verb == 'get'' resulted in error: no such key: resourceAttributes",
    ],
  ] as const) {
    const [authorizer] = parseAuthorizationConfiguration(file(on(...expressions)));
    const conditions = authorizer?.webhook?.conditions ?? [];
    const row = expressions.join(' ; ');
    if (typeof is === 'string')
      t.throws(() => meetsConditions(conditions, spec), { message: is }, row);
    else t.equal(meetsConditions(conditions, spec), is, row);
  }
});
