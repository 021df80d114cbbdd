/**
 * What the models that the schema is generated from do not say about who may do what, admission, flow control and how the API is extended:
 * one line of facts a field, in the language of `facts.ts`. Fields that need no fact are not listed.
 */
import type { PackageFacts } from './facts.js';

export const authentication: PackageFacts = {
  package: 'io.k8s.api.authentication.v1',
  plain: `
    BoundObjectReference`,
  facts: {
    SelfSubjectReview: 'metadata value; status value',
    SelfSubjectReviewStatus: 'userInfo value',
    TokenRequest: 'metadata value; spec value required; status value',
    TokenRequestSpec: 'audiences fill list=atomic required; expirationSeconds *',
    TokenRequestStatus: 'expirationTimestamp value required; token fill required',
    TokenReview: 'metadata value; spec value; status value',
    TokenReviewSpec: 'audiences list=atomic; token omit optional',
    TokenReviewStatus: 'audiences list=atomic; user value',
    UserInfo: 'groups list=atomic',
  },
};

export const authorization: PackageFacts = {
  package: 'io.k8s.api.authorization.v1',
  plain: `
    NonResourceAttributes ResourceAttributes SelfSubjectAccessReviewSpec
    SelfSubjectRulesReviewSpec SubjectAccessReviewStatus`,
  facts: {
    FieldSelectorAttributes: 'requirements list=atomic',
    LabelSelectorAttributes: 'requirements list=atomic',
    LocalSubjectAccessReview: 'metadata value; spec value; status value',
    NonResourceRule: 'nonResourceURLs list=atomic; verbs list=atomic',
    ResourceRule: `
      apiGroups list=atomic; resourceNames list=atomic; resources list=atomic;
      verbs list=atomic`,
    SelfSubjectAccessReview: 'metadata value; spec value; status value',
    SelfSubjectRulesReview: 'metadata value; spec value; status value',
    SubjectAccessReview: 'metadata value; spec value; status value',
    SubjectAccessReviewSpec: 'groups list=atomic',
    SubjectRulesReviewStatus: 'nonResourceRules list=atomic; resourceRules list=atomic',
  },
};

export const rbac: PackageFacts = {
  package: 'io.k8s.api.rbac.v1',
  facts: {
    AggregationRule: 'clusterRoleSelectors list=atomic',
    ClusterRole: 'metadata value; rules fill list=atomic',
    ClusterRoleBinding: 'metadata value; roleRef value; subjects list=atomic',
    ClusterRoleBindingList: 'metadata value',
    ClusterRoleList: 'metadata value',
    PolicyRule: `
      apiGroups list=atomic; nonResourceURLs list=atomic; resourceNames list=atomic;
      resources list=atomic; verbs list=atomic`,
    Role: 'metadata value; rules fill list=atomic',
    RoleBinding: 'metadata value; roleRef value; subjects list=atomic',
    RoleBindingList: 'metadata value',
    RoleList: 'metadata value',
    RoleRef: 'apiGroup fill required; . map=atomic',
    Subject: '. map=atomic',
  },
};

export const certificates: PackageFacts = {
  package: 'io.k8s.api.certificates.v1',
  facts: {
    CertificateSigningRequest: 'metadata value; spec value; status value',
    CertificateSigningRequestCondition: 'lastTransitionTime value; lastUpdateTime value',
    CertificateSigningRequestList: 'metadata value',
    CertificateSigningRequestSpec: `
      expirationSeconds *; groups list=atomic; usages list=atomic enum=KeyUsage`,
    CertificateSigningRequestStatus: 'conditions list=map:type',
  },
};

export const admissionregistration: PackageFacts = {
  package: 'io.k8s.api.admissionregistration.v1',
  plain: `
    AuditAnnotation ExpressionWarning MatchCondition`,
  facts: {
    MatchResources: `
      excludeResourceRules list=atomic; matchPolicy * enum=MatchPolicyType;
      resourceRules list=atomic; . map=atomic`,
    MutatingWebhook: `
      admissionReviewVersions list=atomic; clientConfig value;
      failurePolicy * enum=FailurePolicyType; matchConditions list=map:name patch=merge:name;
      matchPolicy * enum=MatchPolicyType; reinvocationPolicy * enum=ReinvocationPolicyType;
      rules list=atomic; sideEffects * enum=SideEffectClass; timeoutSeconds *`,
    MutatingWebhookConfiguration: 'metadata value; webhooks list=map:name patch=merge:name',
    MutatingWebhookConfigurationList: 'metadata value',
    NamedRuleWithOperations: `
      apiGroups list=atomic; apiVersions list=atomic;
      operations list=atomic enum=OperationType; resourceNames list=atomic;
      resources list=atomic; scope * enum=ScopeType; . map=atomic`,
    ParamKind: '. map=atomic',
    ParamRef: 'parameterNotFoundAction *; . map=atomic',
    RuleWithOperations: `
      apiGroups list=atomic; apiVersions list=atomic;
      operations list=atomic enum=OperationType; resources list=atomic; scope * enum=ScopeType`,
    ServiceReference: 'path *; port *',
    TypeChecking: 'expressionWarnings list=atomic',
    ValidatingAdmissionPolicy: 'metadata value; spec value; status value',
    ValidatingAdmissionPolicyBinding: 'metadata value; spec value optional',
    ValidatingAdmissionPolicyBindingList: 'metadata value',
    ValidatingAdmissionPolicyBindingSpec: `
      policyName omit optional;
      validationActions omit list=set enum=ValidationAction optional`,
    ValidatingAdmissionPolicyList: 'metadata value',
    ValidatingAdmissionPolicySpec: `
      auditAnnotations list=atomic; failurePolicy * enum=FailurePolicyType;
      matchConditions list=map:name patch=merge:name; validations list=atomic;
      variables list=map:name patch=merge:name`,
    ValidatingAdmissionPolicyStatus: 'conditions list=map:type',
    ValidatingWebhook: `
      admissionReviewVersions list=atomic; clientConfig value;
      failurePolicy * enum=FailurePolicyType; matchConditions list=map:name patch=merge:name;
      matchPolicy * enum=MatchPolicyType; rules list=atomic;
      sideEffects * enum=SideEffectClass; timeoutSeconds *`,
    ValidatingWebhookConfiguration: 'metadata value; webhooks list=map:name patch=merge:name',
    ValidatingWebhookConfigurationList: 'metadata value',
    Validation: 'reason *',
    Variable: '. map=atomic',
    WebhookClientConfig: 'url *',
  },
};

/** Off by default; served where `--runtime-config` and `--feature-gates` ask for it. */
export const admissionregistrationBeta: PackageFacts = {
  package: 'io.k8s.api.admissionregistration.v1beta1',
  plain: `
    ApplyConfiguration JSONPatch MatchCondition MutatingAdmissionPolicyBindingSpec`,
  facts: {
    MatchResources: `
      excludeResourceRules list=atomic; matchPolicy *; resourceRules list=atomic; . map=atomic`,
    MutatingAdmissionPolicy: 'metadata value; spec value',
    MutatingAdmissionPolicyBinding: 'metadata value; spec value',
    MutatingAdmissionPolicyBindingList: 'metadata value',
    MutatingAdmissionPolicyList: 'metadata value',
    MutatingAdmissionPolicySpec: `
      failurePolicy *; matchConditions list=map:name patch=merge:name;
      mutations list=atomic; reinvocationPolicy enum=ReinvocationPolicyType;
      variables list=atomic`,
    Mutation: 'patchType enum=PatchType',
    NamedRuleWithOperations: `
      apiGroups list=atomic; apiVersions list=atomic;
      operations list=atomic enum=OperationType; resourceNames list=atomic;
      resources list=atomic; scope * enum=ScopeType; . map=atomic`,
    ParamKind: '. map=atomic',
    ParamRef: 'parameterNotFoundAction *; . map=atomic',
    Variable: '. map=atomic',
  },
};

export const flowcontrol: PackageFacts = {
  package: 'io.k8s.api.flowcontrol.v1',
  plain: `
    FlowDistinguisherMethod GroupSubject PriorityLevelConfigurationReference
    ServiceAccountSubject UserSubject`,
  facts: {
    ExemptPriorityLevelConfiguration: 'lendablePercent *; nominalConcurrencyShares *',
    FlowSchema: 'metadata value; spec value; status value',
    FlowSchemaCondition: 'lastTransitionTime value',
    FlowSchemaList: 'metadata value',
    FlowSchemaSpec: 'matchingPrecedence fill; priorityLevelConfiguration value; rules list=atomic',
    FlowSchemaStatus: 'conditions list=map:type patch=merge:type',
    LimitedPriorityLevelConfiguration: `
      borrowingLimitPercent *; lendablePercent *; limitResponse value;
      nominalConcurrencyShares *`,
    NonResourcePolicyRule: 'nonResourceURLs list=set; verbs list=set',
    PolicyRulesWithSubjects: `
      nonResourceRules list=atomic; resourceRules list=atomic; subjects list=atomic`,
    PriorityLevelConfiguration: 'metadata value; spec value; status value',
    PriorityLevelConfigurationCondition: 'lastTransitionTime value',
    PriorityLevelConfigurationList: 'metadata value',
    LimitResponse: '. union=type:queuing',
    PriorityLevelConfigurationSpec: '. union=type:exempt,limited',
    PriorityLevelConfigurationStatus: 'conditions list=map:type patch=merge:type',
    Subject: '. union=kind:group,serviceAccount,user',
    QueuingConfiguration: 'handSize fill; queueLengthLimit fill; queues fill',
    ResourcePolicyRule: `
      apiGroups list=set; namespaces fill list=set; resources list=set; verbs list=set`,
  },
};

export const apiextensions: PackageFacts = {
  package: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1',
  plain: `
    CustomResourceColumnDefinition CustomResourceConversion
    CustomResourceValidation ExternalDocumentation SelectableField`,
  facts: {
    CustomResourceDefinition: 'metadata value; spec value; status value',
    CustomResourceDefinitionCondition: 'lastTransitionTime value',
    CustomResourceDefinitionList: 'metadata value',
    CustomResourceDefinitionNames: 'categories list=atomic; shortNames list=atomic',
    CustomResourceDefinitionSpec: 'names value; versions list=atomic',
    CustomResourceDefinitionStatus: `
      acceptedNames value; conditions fill list=map:type; storedVersions fill list=atomic`,
    CustomResourceDefinitionVersion: `
      additionalPrinterColumns list=atomic; deprecationWarning *; selectableFields list=atomic`,
    CustomResourceSubresources: 'status ref=CustomResourceSubresourceStatus',
    CustomResourceSubresourceScale: 'labelSelectorPath *',
    JSONSchemaProps: `
      $ref *; additionalItems ref=JSONSchemaPropsOrBool;
      additionalProperties ref=JSONSchemaPropsOrBool; allOf list=atomic; anyOf list=atomic;
      default ref=JSON; dependencies ref=JSONSchemaPropsOrStringArray; enum ref=JSON list=atomic;
      example ref=JSON; items ref=JSONSchemaPropsOrArray; maxItems *; maxLength *;
      maxProperties *; maximum *; minItems *; minLength *; minProperties *; minimum *;
      multipleOf *; oneOf list=atomic; required list=atomic;
      x-kubernetes-list-map-keys list=atomic; x-kubernetes-list-type *;
      x-kubernetes-map-type *; x-kubernetes-preserve-unknown-fields *;
      x-kubernetes-validations list=map:rule patch=merge:rule`,
    ServiceReference: 'path *; port *',
    ValidationRule: 'optionalOldSelf *; reason * enum=FieldValueErrorReason',
    WebhookClientConfig: 'url *',
    WebhookConversion: 'conversionReviewVersions list=atomic',
  },
};

export const apiregistration: PackageFacts = {
  package: 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1',
  facts: {
    APIService: 'metadata value; spec value; status value',
    APIServiceCondition: 'lastTransitionTime value',
    APIServiceList: 'metadata value',
    APIServiceSpec: 'caBundle list=atomic',
    APIServiceStatus: 'conditions list=map:type patch=merge:type',
    ServiceReference: 'port *',
  },
};

export const meta: PackageFacts = {
  package: 'io.k8s.apimachinery.pkg.apis.meta.v1',
  plain: `
    GroupVersionForDiscovery ServerAddressByClientCIDR StatusCause`,
  facts: {
    APIGroup:
      'preferredVersion value; serverAddressByClientCIDRs list=atomic; versions list=atomic',
    APIGroupList: 'groups list=atomic',
    APIResource: 'categories list=atomic; shortNames list=atomic',
    APIResourceList: 'resources list=atomic',
    APIVersions: 'serverAddressByClientCIDRs list=atomic; versions list=atomic',
    Condition: 'lastTransitionTime value',
    DeleteOptions: `
      dryRun list=atomic; gracePeriodSeconds *;
      ignoreStoreReadErrorWithClusterBreakingPotential *; orphanDependents *;
      propagationPolicy *`,
    FieldSelectorRequirement: 'values list=atomic',
    LabelSelector: 'matchExpressions list=atomic; . map=atomic',
    LabelSelectorRequirement: 'values list=atomic',
    ListMeta: 'remainingItemCount *',
    ManagedFieldsEntry: 'fieldsV1 ref=FieldsV1',
    ObjectMeta: `
      deletionGracePeriodSeconds *; finalizers list=set patch=merge; managedFields list=atomic;
      ownerReferences list=map:uid patch=merge:uid`,
    OwnerReference: 'blockOwnerDeletion *; controller *; . map=atomic',
    Status: 'metadata value',
    StatusDetails: 'causes list=atomic',
    Preconditions: 'resourceVersion *; uid *',
    WatchEvent: 'object value ref=RawExtension',
  },
};

export const version: PackageFacts = {
  package: 'io.k8s.apimachinery.pkg.version',
  plain: `
    Info`,
  facts: {},
};
