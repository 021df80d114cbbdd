/** Rules of a schema: what they find in objects, and what is found in them. */
import t from 'tap';
import type { JSONSchemaProps, ValidationRule } from '../../pkg/api/types.js';
import { formatFieldError, path } from '../../pkg/apimachinery/field-error.js';
import { compileRules, validateRules } from './validation-rules.js';

const rule = (text: string, more: Partial<ValidationRule> = {}): ValidationRule => ({
  rule: text,
  ...more,
});
const ruled = (
  schema: JSONSchemaProps,
  ...rules: (string | ValidationRule)[]
): JSONSchemaProps => ({
  ...schema,
  'x-kubernetes-validations': rules.map((one) => (typeof one === 'string' ? rule(one) : one)),
});
const object = (properties: Record<string, JSONSchemaProps>): JSONSchemaProps => ({
  type: 'object',
  properties,
});
const text: JSONSchemaProps = { type: 'string' };
const int: JSONSchemaProps = { type: 'integer' };

interface Row {
  readonly row: string;
  readonly schema: JSONSchemaProps;
  readonly value: unknown;
  readonly old?: unknown;
  readonly errors?: readonly string[];
  readonly warnings?: readonly string[];
}

const spec = (schema: JSONSchemaProps) => object({ spec: schema });
const SCALE = object({ replicas: int, min: int, max: int });

t.test('objects', async (t) => {
  const rows: readonly Row[] = [
    {
      row: 'holds',
      schema: spec(ruled(SCALE, 'self.min <= self.max')),
      value: { spec: { min: 1, max: 2 } },
    },
    {
      row: 'does not hold',
      schema: spec(ruled(SCALE, 'self.min <= self.max')),
      value: { spec: { min: 3, max: 2 } },
      errors: ['spec: Invalid value: "object": failed rule: self.min <= self.max'],
    },
    {
      row: 'message, reason and fieldPath',
      schema: spec(
        ruled(
          SCALE,
          rule('self.min <= self.max', {
            message: 'min is too big',
            reason: 'FieldValueForbidden',
            fieldPath: '.min',
          }),
        ),
      ),
      value: { spec: { min: 3, max: 2 } },
      errors: ['spec.min: Forbidden: min is too big'],
    },
    {
      row: 'messageExpression',
      schema: spec(
        ruled(
          SCALE,
          rule('self.min <= self.max', {
            messageExpression: '"at most " + string(self.max)',
            message: 'no',
          }),
        ),
      ),
      value: { spec: { min: 3, max: 2 } },
      errors: ['spec: Invalid value: "object": at most 2'],
    },
    {
      row: 'a messageExpression that fails gives way to the message',
      schema: spec(
        ruled(
          SCALE,
          rule('false', { messageExpression: '"x" + string(self.max / 0)', message: 'plain' }),
        ),
      ),
      value: { spec: { max: 1 } },
      errors: ['spec: Invalid value: "object": plain'],
    },
    {
      row: 'a field that is not there',
      schema: spec(ruled(SCALE, 'self.min > 0')),
      value: { spec: {} },
      errors: ['spec: Invalid value: "object": no such key: min evaluating rule: self.min > 0'],
    },
    {
      row: 'the root knows its name',
      schema: ruled(object({}), "self.metadata.name.startsWith('a')"),
      value: { apiVersion: 'v1', kind: 'A', metadata: { name: 'b' } },
      errors: [`<nil>: Invalid value: "object": failed rule: self.metadata.name.startsWith('a')`],
    },
    {
      row: 'names that are keywords or have dashes',
      schema: spec(
        ruled(
          object({ namespace: text, 'a-b': text }),
          "self.__namespace__ == 'x' && self.a__dash__b == 'y'",
        ),
      ),
      value: { spec: { namespace: 'x', 'a-b': 'y' } },
    },
    {
      row: 'items, values and formats',
      schema: spec(
        object({
          list: { type: 'array', items: ruled(int, 'self > 0') },
          map: { type: 'object', additionalProperties: ruled(text, "self != 'bad'") },
          at: ruled({ type: 'string', format: 'date-time' }, 'self.getFullYear() > 2000'),
          port: ruled(
            { 'x-kubernetes-int-or-string': true },
            'type(self) == int ? self > 0 : self != ""',
          ),
        }),
      ),
      value: { spec: { list: [1, 0], map: { k: 'bad' }, at: '1999-01-01T00:00:00Z', port: 0 } },
      errors: [
        'spec.list[1]: Invalid value: "integer": failed rule: self > 0',
        `spec.map[k]: Invalid value: "string": failed rule: self != 'bad'`,
        'spec.at: Invalid value: "string": failed rule: self.getFullYear() > 2000',
        'spec.port: Invalid value: "": failed rule: type(self) == int ? self > 0 : self != ""',
      ],
    },
    {
      row: 'sets are equal in any order',
      schema: spec(
        ruled(
          object({
            a: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
            b: { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
          }),
          "self.a == self.b && self.a + ['z', 'x'] == ['x', 'y', 'z']",
        ),
      ),
      value: { spec: { a: ['x', 'y'], b: ['y', 'x'] } },
    },
    {
      row: 'null where null is allowed',
      schema: spec(object({ n: ruled({ type: 'string', nullable: true }, 'self.size() > 0') })),
      value: { spec: { n: null } },
    },
    {
      row: 'a transition rule does not run on create',
      schema: spec(ruled(SCALE, 'self.min == oldSelf.min')),
      value: { spec: { min: 1 } },
    },
    {
      row: 'a transition rule on update',
      schema: spec(ruled(SCALE, 'self.min == oldSelf.min')),
      value: { spec: { min: 1 } },
      old: { spec: { min: 2 } },
      errors: ['spec: Invalid value: "object": failed rule: self.min == oldSelf.min'],
    },
    {
      row: 'optionalOldSelf runs always',
      schema: spec(
        object({
          min: ruled(int, rule('!oldSelf.hasValue() && self == 1', { optionalOldSelf: true })),
        }),
      ),
      value: { spec: { min: 2 } },
      errors: ['spec.min: Invalid value: "integer": failed rule: !oldSelf.hasValue() && self == 1'],
    },
    {
      row: 'items of a list with keys are the same by their keys',
      schema: spec(
        object({
          list: {
            type: 'array',
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['name'],
            items: ruled(object({ name: text, n: int }), 'self.n >= oldSelf.n'),
          },
        }),
      ),
      value: {
        spec: {
          list: [
            { name: 'b', n: 1 },
            { name: 'new', n: 0 },
            { name: 'a', n: 1 },
          ],
        },
      },
      old: {
        spec: {
          list: [
            { name: 'a', n: 2 },
            { name: 'b', n: 1 },
          ],
        },
      },
      errors: ['spec.list[2]: Invalid value: "object": failed rule: self.n >= oldSelf.n'],
    },
    {
      row: 'what did not change is only warned of',
      schema: spec(object({ a: ruled(int, 'self > 0'), b: ruled(int, 'self > 0') })),
      value: { spec: { a: 0, b: -1 } },
      old: { spec: { a: 0, b: 0 } },
      errors: ['spec.b: Invalid value: "integer": failed rule: self > 0'],
      warnings: ['spec.a: Invalid value: "integer": failed rule: self > 0'],
    },
    {
      row: 'a dear rule ends them all',
      schema: spec(
        ruled(
          object({ list: { type: 'array', items: int } }),
          'self.list.all(a, self.list.all(b, self.list.all(c, a + b + c > 0)))',
          'false',
        ),
      ),
      value: { spec: { list: Array.from({ length: 200 }, () => 1) } },
      errors: [
        `spec: Invalid value: "object": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: self.list.all(a, self.list.all(b, self.list.all(c, a + b + c > 0)))`,
      ],
    },
    {
      row: 'all rules share a budget',
      schema: spec({
        type: 'object',
        properties: {
          list: {
            type: 'array',
            items: ruled(
              object({ l: { type: 'array', items: int } }),
              'self.l.all(a, self.l.all(b, a + b > 0))',
            ),
          },
        },
      }),
      value: {
        spec: {
          list: Array.from({ length: 30 }, () => ({ l: Array.from({ length: 300 }, () => 1) })),
        },
      },
      errors: [
        'spec.list[15]: Invalid value: "object": validation failed due to running out of cost budget, no further validation rules will be run',
      ],
    },
  ];
  for (const { row, schema, value, old, errors = [], warnings = [] } of rows) {
    const warned: string[] = [];
    const rules = compileRules(schema);
    const found = rules?.validate(value, old, undefined, (text) => warned.push(text)) ?? [];
    t.same(found.map(formatFieldError), errors, row);
    t.same(warned, warnings, `${row}: warnings`);
  }
  t.equal(compileRules(object({ a: text })), undefined, 'a schema without rules');
});

t.test('rules', async (t) => {
  const AT = 'spec.validation.openAPIV3Schema';
  const FIRST = `${AT}.properties[spec].x-kubernetes-validations[0]`;
  const shown = (of: Partial<ValidationRule> & { rule: string }) =>
    JSON.stringify({
      Rule: of.rule,
      Message: of.message ?? '',
      MessageExpression: of.messageExpression ?? '',
      Reason: of.reason ?? null,
      FieldPath: of.fieldPath ?? '',
      OptionalOldSelf: of.optionalOldSelf ?? null,
    });
  const DEAR =
    '(try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)';
  const list = (items: JSONSchemaProps, maxItems?: number): JSONSchemaProps => ({
    type: 'array',
    items,
    ...(maxItems === undefined ? {} : { maxItems }),
  });
  for (const { row, schema, errors } of [
    { row: 'good', schema: spec(ruled(SCALE, 'self.min <= self.max')), errors: [] },
    {
      row: 'a message that names a number',
      schema: spec(
        ruled(
          SCALE,
          rule('self.min <= self.max', { messageExpression: '"at most " + string(self.max)' }),
        ),
      ),
      errors: [],
    },
    {
      row: 'an undefined field',
      schema: spec(ruled(SCALE, 'self.mni > 0')),
      errors: [
        `${FIRST}.rule: Invalid value: ${shown(rule('self.mni > 0'))}: compilation failed: ERROR: <input>:1:5: undefined field 'mni'\n | self.mni > 0\n | ....^`,
      ],
    },
    {
      row: 'no bool',
      schema: spec(ruled(SCALE, 'self.min')),
      errors: [
        `${FIRST}.rule: Invalid value: ${shown(rule('self.min'))}: cel expression must evaluate to a bool`,
      ],
    },
    {
      row: 'no rule',
      schema: spec(ruled(SCALE, '  ')),
      errors: [`${FIRST}.rule: Required value: rule is not specified`],
    },
    {
      row: 'line breaks need a message',
      schema: spec(ruled(SCALE, 'self.min\n> 0')),
      errors: [
        `${FIRST}.message: Required value: message must be specified if rule contains line breaks`,
      ],
    },
    {
      row: 'a wrong reason and path',
      schema: spec(ruled(SCALE, rule('true', { reason: 'Bad', fieldPath: '.nope' }))),
      errors: [
        `${FIRST}.reason: Unsupported value: "Bad": supported values: "FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"`,
        `${FIRST}.fieldPath: Invalid value: ".nope": fieldPath must be a valid path: does not refer to a valid field`,
      ],
    },
    {
      row: 'a messageExpression that is no string',
      schema: spec(ruled(SCALE, rule('true', { messageExpression: 'self.min' }))),
      errors: [
        `${FIRST}.messageExpression: Invalid value: ${shown({ rule: 'true', messageExpression: 'self.min' })}: messageExpression must evaluate to a string`,
      ],
    },
    {
      row: 'oldSelf in a list without keys',
      schema: spec(object({ l: list(ruled(int, 'self == oldSelf')) })),
      errors: [
        `${AT}.properties[spec].properties[l].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within ${AT}.properties[spec].properties[l].items`,
      ],
    },
    {
      row: 'too dear',
      schema: spec(ruled(object({ l: list(text) }), 'self.l.all(x, self.l.all(y, x != y))')),
      errors: [
        `${FIRST}.rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x ${DEAR}`,
        `${FIRST}.rule: Forbidden: contributed to estimated rule & messageExpression cost total exceeding cost limit for entire OpenAPIv3 schema`,
        `${AT}: Forbidden: x-kubernetes-validations estimated rule & messageExpression cost total for entire OpenAPIv3 schema exceeds budget by factor of more than 100x ${DEAR}`,
      ],
    },
    {
      row: 'the same with bounds',
      schema: spec(
        ruled(
          object({ l: list({ type: 'string', maxLength: 10 }, 50) }),
          'self.l.all(x, self.l.all(y, x != y))',
        ),
      ),
      errors: [],
    },
    {
      row: 'no types, no rules',
      schema: spec(ruled({ 'x-kubernetes-preserve-unknown-fields': true }, 'true')),
      errors: [
        `${AT}.properties[spec].x-kubernetes-validations: Invalid value: "": rule declared on schema that does not support validation rules type: '' x-kubernetes-preserve-unknown-fields: 'true'`,
      ],
    },
  ]) {
    t.same(
      validateRules(schema, path('spec', 'validation', 'openAPIV3Schema'), undefined).map(
        formatFieldError,
      ),
      errors,
      row,
    );
  }
});
