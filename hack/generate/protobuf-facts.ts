/**
 * Messages and fields that the descriptors of `protobuf-fields.ts` lack: those of the definitions of custom
 * resources and of aggregated APIs, which kubectl does not carry, and what v1.35 added. In Kubernetes these
 * numbers stand in the `protobuf` tags of `types.go`.
 *
 * A field is `NUMBER[?] NAME TYPE`: `?` where Go has a pointer, `[]` before the type for a list, `{}` for a
 * map from string. A type with a capital is a message of the same package.
 */
import type { FieldTable, ProtobufField, ScalarCode } from '../../pkg/api/protobuf/table.js';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';

/** Package → message → fields. */
const MESSAGES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1': {
    CustomResourceColumnDefinition:
      '1 name string, 2 type string, 3 format string, 4 description string, 5 priority int, 6 jsonPath string',
    CustomResourceConversion: '1 strategy string, 2? webhook WebhookConversion',
    CustomResourceDefinition:
      '1 metadata meta.ObjectMeta, 2 spec CustomResourceDefinitionSpec, 3 status CustomResourceDefinitionStatus',
    CustomResourceDefinitionCondition:
      '1 type string, 2 status string, 3 lastTransitionTime meta.Time, 4 reason string, 5 message string, 6 observedGeneration int',
    CustomResourceDefinitionList: '1 metadata meta.ListMeta, 2 items []CustomResourceDefinition',
    CustomResourceDefinitionNames:
      '1 plural string, 2 singular string, 3 shortNames []string, 4 kind string, 5 listKind string, 6 categories []string',
    CustomResourceDefinitionSpec:
      '1 group string, 3 names CustomResourceDefinitionNames, 4 scope string, 7 versions []CustomResourceDefinitionVersion, 9? conversion CustomResourceConversion, 10 preserveUnknownFields bool',
    CustomResourceDefinitionStatus:
      '1 conditions []CustomResourceDefinitionCondition, 2 acceptedNames CustomResourceDefinitionNames, 3 storedVersions []string, 4 observedGeneration int',
    CustomResourceDefinitionVersion:
      '1 name string, 2 served bool, 3 storage bool, 4? schema CustomResourceValidation, 5? subresources CustomResourceSubresources, 6 additionalPrinterColumns []CustomResourceColumnDefinition, 7 deprecated bool, 8? deprecationWarning string, 9 selectableFields []SelectableField',
    CustomResourceSubresourceScale:
      '1 specReplicasPath string, 2 statusReplicasPath string, 3? labelSelectorPath string',
    CustomResourceSubresourceStatus: '',
    CustomResourceSubresources:
      '1? status CustomResourceSubresourceStatus, 2? scale CustomResourceSubresourceScale',
    CustomResourceValidation: '1? openAPIV3Schema JSONSchemaProps',
    ExternalDocumentation: '1 description string, 2 url string',
    JSON: '1 raw bytes',
    JSONSchemaProps: [
      '1 id string, 2 $schema string, 3? $ref string, 4 description string, 5 type string',
      '6 format string, 7 title string, 8? default JSON, 9? maximum double, 10 exclusiveMaximum bool',
      '11? minimum double, 12 exclusiveMinimum bool, 13? maxLength int, 14? minLength int',
      '15 pattern string, 16? maxItems int, 17? minItems int, 18 uniqueItems bool',
      '19? multipleOf double, 20 enum []JSON, 21? maxProperties int, 22? minProperties int',
      '23 required []string, 24? items JSONSchemaPropsOrArray, 25 allOf []JSONSchemaProps',
      '26 oneOf []JSONSchemaProps, 27 anyOf []JSONSchemaProps, 28? not JSONSchemaProps',
      '29 properties {}JSONSchemaProps, 30? additionalProperties JSONSchemaPropsOrBool',
      '31 patternProperties {}JSONSchemaProps, 32 dependencies {}JSONSchemaPropsOrStringArray',
      '33? additionalItems JSONSchemaPropsOrBool, 34 definitions {}JSONSchemaProps',
      '35? externalDocs ExternalDocumentation, 36? example JSON, 37 nullable bool',
      '38? x-kubernetes-preserve-unknown-fields bool, 39 x-kubernetes-embedded-resource bool',
      '40 x-kubernetes-int-or-string bool, 41 x-kubernetes-list-map-keys []string',
      '42? x-kubernetes-list-type string, 43? x-kubernetes-map-type string',
      '44 x-kubernetes-validations []ValidationRule',
    ].join(', '),
    JSONSchemaPropsOrArray: '1? schema JSONSchemaProps, 2 jSONSchemas []JSONSchemaProps',
    JSONSchemaPropsOrBool: '1 allows bool, 2? schema JSONSchemaProps',
    JSONSchemaPropsOrStringArray: '1? schema JSONSchemaProps, 2 property []string',
    SelectableField: '1 jsonPath string',
    ServiceReference: '1 namespace string, 2 name string, 3? path string, 4? port int',
    ValidationRule:
      '1 rule string, 2 message string, 3 messageExpression string, 4? reason string, 5 fieldPath string, 6? optionalOldSelf bool',
    WebhookClientConfig: '1? service ServiceReference, 2? caBundle bytes, 3? url string',
    WebhookConversion: '2? clientConfig WebhookClientConfig, 3 conversionReviewVersions []string',
  },
  'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1': {
    APIService: '1 metadata meta.ObjectMeta, 2 spec APIServiceSpec, 3 status APIServiceStatus',
    APIServiceCondition:
      '1 type string, 2 status string, 3 lastTransitionTime meta.Time, 4 reason string, 5 message string',
    APIServiceList: '1 metadata meta.ListMeta, 2 items []APIService',
    APIServiceSpec:
      '1? service ServiceReference, 2 group string, 3 version string, 4 insecureSkipTLSVerify bool, 5? caBundle bytes, 7 groupPriorityMinimum int, 8 versionPriority int',
    APIServiceStatus: '1 conditions []APIServiceCondition',
    ServiceReference: '1 namespace string, 2 name string, 3? port int',
  },
  'io.k8s.api.core.v1': {
    NodeStatus: '14 declaredFeatures []string',
    PodCertificateProjection: '7 userAnnotations {}string',
    PodSpec: '42? workloadRef WorkloadReference',
    PodStatus: '19 allocatedResources {}quantity, 20? resources ResourceRequirements',
    WorkloadReference: '1 name string, 2 podGroup string, 3 podGroupReplicaKey string',
  },
  'io.k8s.api.storage.v1': { CSIDriverSpec: '10? serviceAccountTokenInSecrets bool' },
};

/** Definition name → fields beyond those of the descriptors. */
export function protobufFacts(): FieldTable {
  const table: Record<string, ProtobufField[]> = {};
  for (const [scope, messages] of Object.entries(MESSAGES)) {
    for (const [message, fields] of Object.entries(messages)) {
      const written = fields === '' ? [] : fields.split(', ');
      table[`${scope}.${message}`] = written.map((text) => parse(text, scope));
    }
  }
  return table;
}

function parse(text: string, scope: string): ProtobufField {
  const found = /^(\d+)(\??) (\S+) (\[\]|\{\})?(\S+)$/.exec(text);
  if (!found) throw new Error(`not a field: ${text}`);
  const [, number, pointer, name = '', shape, type = ''] = found;
  return {
    number: Number(number),
    name,
    type: typeOf(type, scope),
    ...(shape === '[]' ? { repeated: true } : {}),
    ...(shape === '{}' ? { map: true } : {}),
    ...(pointer === '' && !shape ? { plain: true } : {}),
  };
}

function typeOf(type: string, scope: string): ProtobufField['type'] {
  if (type === 'quantity') return { message: QUANTITY };
  if (type.startsWith('meta.')) return { message: `${META}.${type.slice('meta.'.length)}` };
  return /^[A-Z]/.test(type) ? { message: `${scope}.${type}` } : scalar(type);
}

function scalar(type: string): ScalarCode {
  if (type === 'string' || type === 'bytes' || type === 'int' || type === 'bool') return type;
  if (type === 'double') return type;
  throw new Error(`not a type: ${type}`);
}
