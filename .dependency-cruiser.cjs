/**
 * Which folder may import which: an allow-list. An import that no rule allows is an error, and so is a
 * file outside the known folders. See docs/ARCHITECTURE.md for the picture.
 */
const layer = (path) => ({ path: `^${path}/` });
const allow = (from, ...to) => to.map((target) => ({ from: layer(from), to: layer(target) }));

const processes = ['apiserver', 'scheduler', 'controller-manager', 'kubelet'];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'not-to-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'product-imports-no-dev-dependency',
      severity: 'error',
      from: {
        path: '^(apiserver|cli|controller-manager|etcd|kubelet|pkg|scheduler)/',
        pathNot: '[.](test|bench)[.]ts$|/testing/',
      },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
  ],
  allowed: [
    { from: {}, to: { dependencyTypes: ['npm', 'npm-dev', 'core'] } },
    ...allow('pkg/apimachinery', 'pkg/apimachinery'),
    // The pure schema model is the one thing of pkg/api that patches and field sets are written against.
    { from: layer('pkg/apimachinery'), to: { path: '^pkg/api/schema/model[.]ts$' } },
    ...allow('pkg/api', 'pkg/api', 'pkg/apimachinery'),
    ...allow('pkg/cel', 'pkg/cel', 'pkg/api', 'pkg/apimachinery'),
    ...allow('pkg/component', 'pkg/component', 'pkg/apimachinery'),
    ...allow('pkg/etcd-client', 'pkg/etcd-client', 'pkg/apimachinery', 'pkg/component'),
    ...allow('pkg/client', 'pkg/client', 'pkg/api', 'pkg/apimachinery', 'pkg/component'),
    ...processes.flatMap((name) =>
      allow(name, name, 'pkg/apimachinery', 'pkg/api', 'pkg/client', 'pkg/component'),
    ),
    ...allow('etcd', 'etcd', 'pkg/component', 'pkg/apimachinery', 'pkg/etcd-client'),
    ...allow('apiserver', 'pkg/etcd-client', 'pkg/cel'),
    ...allow('controller-manager', 'pkg/cel'),
    // Devices are chosen by expressions.
    ...allow('scheduler', 'pkg/cel'),
    ...allow('cli', 'cli', 'pkg/component', 'pkg/apimachinery', 'pkg/client', 'pkg/api'),
    ...allow('hack', 'hack', 'pkg'),
    // The command of a clone builds what is missing before it hands over.
    { from: { path: '^cli/drydock[.]mjs$' }, to: { path: '^(hack/ensure-built[.]mjs|dist/)' } },
    // Tests and benchmarks may start real neighbours.
    { from: { path: '[.](test|bench)[.]ts$|/testing/|^test/|^hack/' }, to: {} },
  ],
  allowedSeverity: 'error',
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    exclude: { path: '^(dist|[.]drydock)/' },
  },
};
