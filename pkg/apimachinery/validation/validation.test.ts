import t from 'tap';
import { type FieldError, formatFieldError, path } from '../field-error.js';
import type { ObjectMeta } from '../meta.js';
import * as formats from './formats.js';
import { formatIP, parseIP, validateCIDR, validateIP, validateIPForLegacyField } from './ip.js';
import { validateLabelSelector } from './label-selector.js';
import * as names from './names.js';
import { validateObjectMeta, validateObjectMetaUpdate } from './object-meta.js';
import {
  validateDeleteOptions,
  validateListOptions,
  validatePatchOptions,
  validateWriteOptions,
} from './options.js';

const LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const texts = (errors: FieldError[]) => errors.map(formatFieldError);

t.test('names and formats are refused in the words of Kubernetes', async (t) => {
  const tooLong = (max: number) => `must be no more than ${max} characters`;
  const rows: [check: (value: string) => string[], value: string, messages: string[]][] = [
    [names.isDNS1123Label, 'a-1', []],
    [names.isDNS1123Label, 'A', [LABEL]],
    [names.isDNS1123Label, '', [LABEL]],
    [names.isDNS1123Label, 'a.b', ['must not contain dots']],
    [names.isDNS1123Label, 'a'.repeat(64), [tooLong(63)]],
    [names.isDNS1123Subdomain, 'a.b-c.1', []],
    [names.isDNS1123Subdomain, 'a..b', [SUBDOMAIN]],
    [names.isDNS1123Subdomain, 'a\n', [SUBDOMAIN]],
    [names.isDNS1123Subdomain, 'a'.repeat(254), [tooLong(253)]],
    [names.isQualifiedName, 'example.com/My.Name_1', []],
    [names.isQualifiedName, '/a', ['prefix part must be non-empty']],
    [names.isQualifiedName, 'A/a', [`prefix part ${SUBDOMAIN}`]],
    [names.isQualifiedName, 'a/', ['name part must be non-empty', `name part ${QUALIFIED}`]],
    [
      names.isQualifiedName,
      'a/b/c',
      [
        `a valid label key ${QUALIFIED} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
      ],
    ],
    [names.isValidLabelValue, '', []],
    [names.isValidLabelValue, 'é'.repeat(32), [tooLong(63)].concat(names.isValidLabelValue('é'))],
    [names.isValidPathSegmentName, 'system:node', []],
    [names.isValidPathSegmentName, '..', ["may not be '..'"]],
    [names.isValidPathSegmentName, 'a/b%', ["may not contain '/'", "may not contain '%'"]],
    [formats.isConfigMapKey, '..a', ["must not start with '..'"]],
    [formats.isRelaxedEnvVarName, 'a b', []],
    [
      formats.isRelaxedEnvVarName,
      'a=b',
      [
        "a valid environment variable name must consist only of printable ASCII characters other than '='",
      ],
    ],
    [
      formats.isValidPercent,
      '5',
      [
        "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
      ],
    ],
    [formats.isValidPortName, 'http-1', []],
    [
      formats.isValidPortName,
      '-1--2',
      [
        'must contain at least one letter (a-z)',
        'must not contain consecutive hyphens',
        'must not begin or end with a hyphen',
      ],
    ],
  ];
  for (const [check, value, messages] of rows) {
    t.same(check(value), messages, `${check.name} ${value}`);
  }
  t.same(formats.isValidPortNum(0), ['must be between 1 and 65535, inclusive']);
  t.same(names.nameIsDNSSubdomain('web-', true), [], 'a prefix may end in a dash');
  t.same(names.nameIsDNSSubdomain('web-', false), [SUBDOMAIN]);
});

t.test('IP addresses and CIDRs', async (t) => {
  const at = path('ip');
  const canonical: [text: string, printed: string | undefined][] = [
    ['10.0.0.1', '10.0.0.1'],
    ['010.0.0.1', '10.0.0.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::', '::'],
    ['1::', '1::'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7', undefined],
    ['1::2::3', undefined],
    ['1:2:3:4:5:6:7::8', undefined],
    ['256.0.0.1', undefined],
    ['1.2.3', undefined],
    ['fe80::1%eth0', undefined],
    ['', undefined],
  ];
  for (const [text, printed] of canonical) {
    const ip = parseIP(text);
    t.equal(ip && formatIP(ip.bytes), printed, text);
  }
  t.same(texts(validateIP(at, 'x')), [
    'ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ]);
  t.same(texts(validateIP(at, '2001:db8:0::1')), [
    'ip: Invalid value: "2001:db8:0::1": must be in canonical form ("2001:db8::1")',
  ]);
  t.same(texts(validateIPForLegacyField(at, '01.2.3.4')), [
    'ip: Invalid value: "01.2.3.4": must not have leading 0s',
  ]);
  t.same(validateIPForLegacyField(at, '01.2.3.4', ['01.2.3.4']), [], 'kept from the old object');
  t.same(validateCIDR(at, '10.0.0.0/8'), []);
  t.same(validateCIDR(at, '2001:db8::/32'), []);
  t.same(texts(validateCIDR(at, '10.0.0.1/8')), [
    'ip: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length',
  ]);
  t.same(texts(validateCIDR(at, '10.0.0.0/33')), [
    'ip: Invalid value: "10.0.0.0/33": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
  ]);
});

t.test('metadata of a new object', async (t) => {
  const at = path('metadata');
  const rules = { namespaced: true, validateName: names.nameIsDNSSubdomain };
  const good: ObjectMeta = { name: 'a', namespace: 'default' };
  const rows: [name: string, meta: ObjectMeta, errors: string[]][] = [
    ['good', { ...good, labels: { 'a.b/c': 'D' }, finalizers: ['a.b/c'] }, []],
    [
      'no name',
      { namespace: 'default' },
      ['metadata.name: Required value: name or generateName is required'],
    ],
    ['bad name', { ...good, name: 'A' }, [`metadata.name: Invalid value: "A": ${SUBDOMAIN}`]],
    ['no namespace', { name: 'a' }, ['metadata.namespace: Required value']],
    [
      'label key',
      { ...good, labels: { 'a b': '' } },
      [`metadata.labels: Invalid value: "a b": name part ${QUALIFIED}`],
    ],
    [
      'annotations too large',
      { ...good, annotations: { a: 'x'.repeat(262144) } },
      ['metadata.annotations: Too long: may not be more than 262144 bytes'],
    ],
    ['annotation keys in any case', { ...good, annotations: { 'EXAMPLE.com/a': '' } }, []],
    [
      'both finalizers',
      { ...good, finalizers: ['orphan', 'foregroundDeletion'] },
      [
        'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set',
      ],
    ],
    [
      'owner without a uid',
      { ...good, ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: '' }] },
      ['metadata.ownerReferences[0].uid: Required value: must not be empty'],
    ],
    [
      'negative generation',
      { ...good, generation: -1 },
      ['metadata.generation: Invalid value: -1: must be greater than or equal to 0'],
    ],
    [
      'managed fields',
      { ...good, managedFields: [{ manager: 'm' }] },
      ['metadata.managedFields[0].operation: Required value: must not be empty'],
    ],
  ];
  for (const [name, meta, errors] of rows) {
    t.same(texts(validateObjectMeta(meta, rules, at)), errors, name);
  }
  const owner = (name: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    name,
    uid: 'u',
    controller: true,
  });
  t.match(
    texts(validateObjectMeta({ ...good, ownerReferences: [owner('p'), owner('q')] }, rules, at))[0],
    /Only one reference can have Controller set to true\. Found "true" in references for Pod\/p and Pod\/q$/,
  );
  const cluster = { ...rules, namespaced: false };
  t.same(texts(validateObjectMeta(good, cluster, at)), [
    'metadata.namespace: Forbidden: not allowed on this type',
  ]);
});

t.test('metadata of an update', async (t) => {
  const at = path('metadata');
  const old: ObjectMeta = {
    name: 'a',
    namespace: 'n',
    uid: 'u',
    resourceVersion: '1',
    generation: 2,
  };
  const rows: [name: string, meta: ObjectMeta, before: ObjectMeta, errors: string[]][] = [
    ['no change', old, old, []],
    [
      'no version',
      { ...old, resourceVersion: '' },
      old,
      ['metadata.resourceVersion: Invalid value: "": must be specified for an update'],
    ],
    ['name', { ...old, name: 'b' }, old, ['metadata.name: Invalid value: "b": field is immutable']],
    ['uid', { ...old, uid: 'x' }, old, ['metadata.uid: Invalid value: "x": field is immutable']],
    [
      'generation',
      { ...old, generation: 1 },
      old,
      ['metadata.generation: Invalid value: 1: must not be decremented'],
    ],
    [
      'a finalizer while deleting',
      { ...old, deletionTimestamp: 't', finalizers: ['a/b', 'c/d'] },
      { ...old, deletionTimestamp: 't', finalizers: ['a/b'] },
      [
        'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"c/d"}',
      ],
    ],
  ];
  for (const [name, meta, before, errors] of rows) {
    t.same(texts(validateObjectMetaUpdate(meta, before, at)), errors, name);
  }
});

t.test('LabelSelector objects and request options', async (t) => {
  t.same(
    texts(
      validateLabelSelector(
        {
          matchExpressions: [
            { key: 'a', operator: 'In' },
            { key: 'a', operator: 'Exists', values: ['x'] },
            { key: 'a', operator: 'Is' },
          ],
        },
        path('spec', 'selector'),
      ),
    ),
    [
      "spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      "spec.selector.matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      'spec.selector.matchExpressions[2].operator: Invalid value: "Is": not a valid selector operator',
    ],
  );
  const rows: [name: string, errors: FieldError[], expected: string[]][] = [
    ['write', validateWriteOptions({ fieldManager: 'm', dryRun: ['All'] }), []],
    [
      'dry run',
      validateWriteOptions({ dryRun: ['x'] }),
      ['dryRun: Unsupported value: ["x"]: supported values: "All"'],
    ],
    [
      'validation',
      validateWriteOptions({ fieldValidation: 'x' }),
      ['fieldValidation: Unsupported value: "x": supported values: "", "Ignore", "Strict", "Warn"'],
    ],
    [
      'manager too long',
      validateWriteOptions({ fieldManager: 'x'.repeat(129) }),
      ['fieldManager: Too long: may not be more than 128 bytes'],
    ],
    [
      'manager unprintable',
      validateWriteOptions({ fieldManager: 'a\u0007' }),
      ['fieldManager: Invalid value: "a\\a": invalid character U+0007 (at position 1)'],
    ],
    [
      'apply without a manager',
      validatePatchOptions({}, true),
      ['fieldManager: Required value: is required for apply patch'],
    ],
    [
      'force without apply',
      validatePatchOptions({ force: true }, false),
      ['force: Forbidden: may not be specified for non-apply patch'],
    ],
    [
      'propagation',
      validateDeleteOptions({ propagationPolicy: 'x' }),
      [
        'propagationPolicy: Unsupported value: "x": supported values: "Foreground", "Background", "Orphan", "nil"',
      ],
    ],
    [
      'match without a version',
      validateListOptions({ resourceVersionMatch: 'Exact' }),
      [
        'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
      ],
    ],
    [
      'initial events of a list',
      validateListOptions({ sendInitialEvents: true }),
      ['sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list'],
    ],
    [
      'initial events of a watch',
      validateListOptions({
        watch: true,
        sendInitialEvents: true,
        resourceVersionMatch: 'NotOlderThan',
      }),
      [],
    ],
  ];
  for (const [name, errors, expected] of rows) t.same(texts(errors), expected, name);
});
