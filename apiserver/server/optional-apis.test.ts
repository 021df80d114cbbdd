/** What the flags for features and versions that are off by default come to. */
import t from 'tap';
import { optionalApis } from './optional-apis.js';

const GATE = 'MutatingAdmissionPolicy=true';
const VERSION = 'admissionregistration.k8s.io/v1beta1';

t.test('mutating policies are served where the gate and the version are on', async (t) => {
  for (const [row, gates, config, on] of [
    ['nothing', [], [], false],
    ['both', [GATE], [`${VERSION}=true`], true],
    ['a switch alone', [GATE], [VERSION], true],
    ['the gate alone', [GATE], [], false],
    ['the version alone', [], [`${VERSION}=true`], false],
    ['all of the beta', ['AllBeta=true'], ['api/beta=true'], true],
    ['all versions', [GATE], ['api/all=true'], true],
    ['all but this', ['AllBeta=true', 'MutatingAdmissionPolicy=false'], ['api/all=true'], false],
    ['all versions but this', [GATE], ['api/all=true', `${VERSION}=false`], false],
    [
      'one of its resources off',
      [GATE],
      [`${VERSION}=true`, `${VERSION}/mutatingadmissionpolicies=false`],
      false,
    ],
    ['what is on anyway', [], ['apps/v1=true', 'batch/v1beta1=false'], false],
  ] as const)
    t.same(optionalApis(gates, config), { mutatingAdmissionPolicies: on }, row);
});

t.test('what cannot be switched is an error', async (t) => {
  for (const [gates, config, why] of [
    [
      ['Nothing=true'],
      [],
      'invalid argument "Nothing=true" for "--feature-gates" flag: unrecognized feature gate: Nothing',
    ],
    [
      ['MutatingAdmissionPolicy'],
      [],
      'invalid argument "MutatingAdmissionPolicy" for "--feature-gates" flag: missing bool value for MutatingAdmissionPolicy',
    ],
    [
      ['MutatingAdmissionPolicy=yes'],
      [],
      'invalid argument "MutatingAdmissionPolicy=yes" for "--feature-gates" flag: invalid value of MutatingAdmissionPolicy=yes, err: strconv.ParseBool: parsing "yes": invalid syntax',
    ],
    [
      [],
      ['apps/v1=false'],
      'invalid argument "apps/v1=false" for "--runtime-config" flag: apps/v1 cannot be switched by this server',
    ],
    [
      [],
      ['storage.k8s.io/v1alpha1=true'],
      'invalid argument "storage.k8s.io/v1alpha1=true" for "--runtime-config" flag: storage.k8s.io/v1alpha1 cannot be switched by this server',
    ],
  ] as const)
    t.throws(() => optionalApis(gates, config), { message: why }, why);
});
