/**
 * What each lesson of a course and each example of two documentations comes to on a cluster of three simulated nodes. A
 * remark says why something does not run: mostly since the reader has a part to do, or since it is meant not to.
 */
import type { Lesson } from '../support/lessons.js';

const course = (...files: string[]) => files.map((file) => `kubernetes-course/${file}`);
const example = (...files: string[]) => files.map((file) => `containersolutions-examples/${file}`);
const documentation = (...files: string[]) =>
  files.map((file) => `website-examples-2025/content/en/examples/${file}`);

export const LESSONS: readonly Lesson[] = [
  // --- a course ---
  // No node has the label `env: dev` before the reader sets it.
  {
    files: course('affinity/node-affinity.yaml'),
    comesTo: ['Deployment/node-affinity: 0/3', 'Pod/node-affinity-*: 0/1 Pending'],
  },
  {
    files: course('affinity/pod-affinity.yaml'),
    comesTo: ['Deployment/pod-affinity-1: 1/1', 'Deployment/pod-affinity-2: 1/1'],
  },
  {
    files: course('affinity/pod-anti-affinity.yaml', 'affinity/pod-anti-affinity-5.yaml'),
    comesTo: [
      'Deployment/pod-affinity-1: 1/1',
      'Deployment/pod-affinity-2: 3/3',
      'Deployment/pod-affinity-3: 3/3',
      // Alone on a node if it comes before the third's pods have taken both that are left.
      'Deployment/pod-affinity-4: 0/1 or 1/1',
      'Pod/pod-affinity-4-*: 0/1 Pending or 1/1 Running',
      'Deployment/pod-affinity-5: 1/1',
    ],
  },
  {
    files: course('autoscaling/hpa-example.yml'),
    comesTo: [
      'Deployment/hpa-example: 1/1',
      'Service/hpa-example: NodePort, 1 ready',
      'HorizontalPodAutoscaler/hpa-example-autoscaler: cpu: 0%/50% replicas=1',
    ],
  },
  // The reader makes the ConfigMap from a file of the lesson.
  {
    files: course('configmap/nginx.yml', 'configmap/nginx-service.yml'),
    comesTo: [
      'Pod/helloworld-nginx: 0/2 ContainerCreating',
      'Service/helloworld-nginx-service: NodePort, 0 ready',
    ],
  },
  {
    files: course('dashboard/sample-user.yaml'),
    comesTo: ['ServiceAccount/admin-user: taken', 'ClusterRoleBinding/admin-user: taken'],
  },
  {
    files: course('deployment/helloworld-healthcheck.yml'),
    comesTo: ['Deployment/helloworld-deployment: 3/3'],
  },
  {
    files: course('deployment/helloworld-liveness-readiness.yml'),
    comesTo: ['Deployment/helloworld-readiness: 3/3'],
  },
  // No node has the label `hardware: high-spec` before the reader sets it.
  {
    files: course('deployment/helloworld-nodeselector.yml'),
    comesTo: ['Deployment/helloworld-deployment: 0/3', 'Pod/helloworld-deployment-*: 0/1 Pending'],
  },
  {
    files: course('deployment/helloworld-secrets.yml', 'deployment/helloworld-secrets-volumes.yml'),
    comesTo: ['Secret/db-secrets: taken', 'Deployment/helloworld-deployment: 3/3'],
  },
  {
    files: course('deployment/helloworld.yml'),
    comesTo: ['Deployment/helloworld-deployment: 3/3'],
  },
  {
    files: course('elb-tls/helloworld.yml', 'elb-tls/helloworld-service.yml'),
    comesTo: [
      'Deployment/helloworld-deployment: 3/3',
      'Service/helloworld-service: LoadBalancer, 3 ready',
    ],
  },
  {
    files: course(
      'external-dns/external-dns.yaml',
      'external-dns/ingress.yaml',
      'external-dns/service-l4.yaml',
    ),
    comesTo: [
      'ServiceAccount/external-dns: taken',
      'ClusterRole/external-dns: taken',
      'ClusterRoleBinding/external-dns-viewer: taken',
      'Deployment/external-dns: 1/1',
      'Ingress/helloworld-rules: helloworld-v1.kubernetes.newtech.academy,helloworld-v2.kubernetes.newtech.academy',
      'ConfigMap/ingress-nginx-controller: taken',
      'IngressClass/ingress-nginx: taken',
      'Service/ingress-nginx: LoadBalancer, 0 ready',
      'ConfigMap/nginx-configuration: taken',
    ],
  },
  {
    files: course('first-app/helloworld.yml', 'first-app/helloworld-service.yml'),
    comesTo: [
      'Pod/nodehelloworld.example.com: 1/1 Running',
      'Service/helloworld-service: LoadBalancer, 1 ready',
    ],
  },
  {
    files: course(
      'ingress/nginx-ingress-controller.yml',
      'ingress/echoservice.yml',
      'ingress/helloworld-v1.yml',
      'ingress/helloworld-v2.yml',
      'ingress/ingress.yml',
    ),
    comesTo: [
      'DaemonSet/nginx-ingress-controller: 3/3',
      'ConfigMap/nginx-configuration: taken',
      'ConfigMap/tcp-services: taken',
      'ConfigMap/udp-services: taken',
      'ServiceAccount/nginx-ingress-serviceaccount: taken',
      'ClusterRole/nginx-ingress-clusterrole: taken',
      'Role/nginx-ingress-role: taken',
      'RoleBinding/nginx-ingress-role-nisa-binding: taken',
      'ClusterRoleBinding/nginx-ingress-clusterrole-nisa-binding: taken',
      'Service/ingress-nginx-controller-admission: ClusterIP, 3 ready',
      'Service/ingress-nginx: NodePort, 3 ready',
      'ReplicationController/echoheaders: 1/1',
      'Service/echoheaders-default: NodePort, 1 ready',
      'Deployment/helloworld-v1-deployment: 1/1',
      'Service/helloworld-v1: NodePort, 1 ready',
      'Deployment/helloworld-v2-deployment: 1/1',
      'Service/helloworld-v2: NodePort, 1 ready',
      'Ingress/helloworld-rules: helloworld-v1.example.com,helloworld-v2.example.com',
    ],
  },
  {
    files: course(
      'metrics-server/resource-reader.yaml',
      'metrics-server/metrics-server-deployment.yaml',
      'metrics-server/metrics-apiservice.yaml',
      'metrics-server/auth-delegator.yaml',
      'metrics-server/metrics-server-service.yaml',
      'metrics-server/auth-reader.yaml',
    ),
    comesTo: [
      'ClusterRole/system:metrics-server: taken',
      'ClusterRoleBinding/system:metrics-server: taken',
      'ServiceAccount/metrics-server: taken',
      'Deployment/metrics-server: 1/1',
      'APIService/v1beta1.metrics.k8s.io: refused: no matches for kind "APIService" in version "apiregistration.k8s.io/v1beta1"',
      'ClusterRoleBinding/metrics-server:system:auth-delegator: refused: no matches for kind "ClusterRoleBinding" in version "rbac.authorization.k8s.io/v1beta1"',
      'Service/metrics-server: ClusterIP, 1 ready',
      'RoleBinding/metrics-server-auth-reader: refused: no matches for kind "RoleBinding" in version "rbac.authorization.k8s.io/v1beta1"',
    ],
  },
  // The program of the webhook does not run in a simulated container.
  {
    files: course('mutatingwebhook/webhook.yaml', 'mutatingwebhook/pod.yaml'),
    comesTo: [
      'Namespace/mutatingwebhook: Active',
      'Namespace/testmutatingwebhook: Active',
      'MutatingWebhookConfiguration/mymutatingwebhook.example.com: taken',
      'Deployment/mutatingwebhook: 1/1',
      'Service/mutatingwebhook: ClusterIP, 1 ready',
      'Pod/ubuntu: refused: failed calling webhook "mymutatingwebhook.example.com"',
    ],
  },
  // After an init container, a postStart hook and a probe that waits for 35 seconds.
  {
    files: course('pod-lifecycle/lifecycle.yaml'),
    comesTo: ['Deployment/lifecycle: 1/1'],
  },
  {
    files: course('pod-presets/deployments.yaml', 'pod-presets/pod-presets.yaml'),
    comesTo: [
      'Deployment/deployment-1: 3/3',
      'Deployment/deployment-2: 3/3',
      'PodPreset/share-credential: refused: no matches for kind "PodPreset" in version "settings.k8s.io/v1alpha1"',
    ],
  },
  {
    files: course('pod-security-policies/bad-pod.yml'),
    comesTo: ['Deployment/hello-2: 1/1', 'Service/hello-2: ClusterIP, 1 ready'],
  },
  {
    files: course('pod-security-policies/good-pod.yml'),
    comesTo: ['Deployment/hello: 1/1', 'Service/hello: ClusterIP, 1 ready'],
  },
  {
    files: course('pod-security-policies/initial-psp.yaml'),
    comesTo: [
      'PodSecurityPolicy/privileged: refused: no matches for kind "PodSecurityPolicy" in version "policy/v1beta1"',
      'PodSecurityPolicy/restricted: refused: no matches for kind "PodSecurityPolicy" in version "policy/v1beta1"',
      'ClusterRole/psp:privileged: taken',
      'ClusterRole/psp:restricted: taken',
      'ClusterRoleBinding/default:restricted: taken',
      'RoleBinding/default:privileged: taken',
    ],
  },
  {
    files: course('pod-security-policies/serviceaccount.yml'),
    comesTo: [
      'ServiceAccount/test-account: taken',
      'ClusterRole/restricted-psp: taken',
      'ClusterRoleBinding/test-role: taken',
      'ClusterRoleBinding/test-role-restricted-psp: taken',
    ],
  },
  {
    files: course('postgres-operator/postgres-example-scale.yaml'),
    comesTo: [
      'PostgresCluster/hippo: refused: no matches for kind "PostgresCluster" in version "postgres-operator.crunchydata.com/v1beta1"',
    ],
  },
  // As on kind and minikube, the cluster has a class of this name.
  {
    files: course('postgres-operator/storage.yml'),
    comesTo: ['StorageClass/standard: refused: updates to provisioner are forbidden'],
  },
  {
    files: course('replication-controller/helloworld-repl-controller.yml'),
    comesTo: ['ReplicationController/helloworld-controller: 2/2'],
  },
  // Pods that request nothing are refused by a quota of CPU and memory.
  {
    files: course('resourcequotas/resourcequota.yml', 'resourcequotas/helloworld-no-quotas.yml'),
    comesTo: [
      'Namespace/myspace: Active',
      'ResourceQuota/compute-quota: taken',
      'ResourceQuota/object-quota: taken',
      'Deployment/helloworld-deployment: 0/3',
    ],
  },
  {
    files: course(
      'service-discovery/secrets.yml',
      'service-discovery/database.yml',
      'service-discovery/database-service.yml',
      'service-discovery/helloworld-db.yml',
      'service-discovery/helloworld-db-service.yml',
    ),
    comesTo: [
      'Secret/helloworld-secrets: taken',
      'Pod/database: 1/1 Running',
      'Service/database-service: NodePort, 1 ready',
      'Deployment/helloworld-deployment: 3/3',
      'Service/helloworld-db-service: NodePort, 3 ready',
    ],
  },
  {
    files: course('skaffold-demo/k8s-pod.yaml'),
    comesTo: ['Pod/skaffold-demo: 1/1 Running', 'Service/skaffold-demo: LoadBalancer, 1 ready'],
  },
  {
    files: course('skaffold-demo/skaffold.yaml'),
    comesTo: ['Config/undefined: refused: no matches for kind "Config" in version "skaffold/v1"'],
  },
  {
    files: course('tolerations/tolerations.yaml'),
    comesTo: ['Deployment/tolerations-1: 3/3', 'Deployment/tolerations-2: 3/3'],
  },
  {
    files: course('users/user.yaml'),
    comesTo: [
      'Role/pod-writer: taken',
      'RoleBinding/write-pods: refused: no matches for kind "RoleBinding" in version "rbac.authorization.k8s.io/v1beta1"',
    ],
  },
  // The reader is to fill in the id of a disk.
  {
    files: course('volumes/helloworld-with-volume.yml'),
    comesTo: [
      'Deployment/helloworld-deployment: refused: awsElasticBlockStore.volumeID: Required value',
    ],
  },
  {
    files: course('first-app/helloworld.yml', 'first-app/helloworld-nodeport-service.yml'),
    comesTo: [
      'Pod/nodehelloworld.example.com: 1/1 Running',
      'Service/helloworld-service: NodePort, 1 ready',
    ],
  },
  {
    files: course('kubeless/nginx-ingress-controller-with-elb.yml'),
    comesTo: [
      'Namespace/ingress-nginx: Active',
      'Deployment/default-http-backend: 1/1',
      'Service/default-http-backend: ClusterIP, 1 ready',
      'ConfigMap/nginx-configuration: taken',
      'ConfigMap/tcp-services: taken',
      'ConfigMap/udp-services: taken',
      'ServiceAccount/nginx-ingress-serviceaccount: taken',
      'ClusterRole/nginx-ingress-clusterrole: refused: no matches for kind "ClusterRole" in version "rbac.authorization.k8s.io/v1beta1"',
      'Role/nginx-ingress-role: refused: no matches for kind "Role" in version "rbac.authorization.k8s.io/v1beta1"',
      'RoleBinding/nginx-ingress-role-nisa-binding: refused: no matches for kind "RoleBinding" in version "rbac.authorization.k8s.io/v1beta1"',
      'ClusterRoleBinding/nginx-ingress-clusterrole-nisa-binding: refused: no matches for kind "ClusterRoleBinding" in version "rbac.authorization.k8s.io/v1beta1"',
      'Deployment/nginx-ingress-controller: 1/1',
      'Service/ingress-nginx: LoadBalancer, 1 ready',
    ],
  },
  {
    files: course('pod-security-policies/restricted-psp.yaml'),
    comesTo: [
      'PodSecurityPolicy/restricted: refused: no matches for kind "PodSecurityPolicy" in version "policy/v1beta1"',
      'ClusterRole/psp:restricted: taken',
      'ClusterRoleBinding/default:restricted: taken',
    ],
  },
  {
    files: course('postgres-operator/postgres-example.yaml'),
    comesTo: [
      'PostgresCluster/hippo: refused: no matches for kind "PostgresCluster" in version "postgres-operator.crunchydata.com/v1beta1"',
    ],
  },
  // A third pod would exceed the quota.
  {
    files: course('resourcequotas/resourcequota.yml', 'resourcequotas/helloworld-with-quotas.yml'),
    comesTo: [
      'Namespace/myspace: Active',
      'ResourceQuota/compute-quota: taken',
      'ResourceQuota/object-quota: taken',
      'Deployment/helloworld-deployment: 2/3',
    ],
  },
  // The API of its class is gone; the cluster has a class of that name.
  {
    files: course('statefulset/cassandra.yaml'),
    comesTo: [
      'StatefulSet/cassandra: 3/3',
      'StorageClass/standard: refused: no matches for kind "StorageClass" in version "storage.k8s.io/v1beta1"',
      'Service/cassandra: ClusterIP, 3 ready',
    ],
  },
  {
    files: course('users/admin-user.yaml'),
    comesTo: ['ClusterRoleBinding/admin-user: taken'],
  },
  // A LimitRange gives the pods what they do not request.
  {
    files: course(
      'resourcequotas/resourcequota.yml',
      'resourcequotas/defaults.yml',
      'resourcequotas/helloworld-no-quotas.yml',
    ),
    comesTo: [
      'Namespace/myspace: Active',
      'ResourceQuota/compute-quota: taken',
      'ResourceQuota/object-quota: taken',
      'LimitRange/limits: taken',
      'Deployment/helloworld-deployment: 3/3',
    ],
  },
  // As on kind and minikube, the cluster has a class of this name, and the claim is bound by it.
  {
    files: course(
      'wordpress-volumes/storage.yml',
      'wordpress-volumes/pv-claim.yml',
      'wordpress-volumes/wordpress-secrets.yml',
      'wordpress-volumes/wordpress-db.yml',
      'wordpress-volumes/wordpress-db-service.yml',
      'wordpress-volumes/wordpress-web.yml',
      'wordpress-volumes/wordpress-web-service.yml',
    ),
    comesTo: [
      'StorageClass/standard: refused: updates to provisioner are forbidden',
      'PersistentVolumeClaim/db-storage: Bound',
      'Secret/wordpress-secrets: taken',
      'ReplicationController/wordpress-db: 1/1',
      'Service/wordpress-db: NodePort, 1 ready',
      'Deployment/wordpress-deployment: 2/2',
      'Service/wordpress: LoadBalancer, 2 ready',
    ],
  },
  {
    files: course(
      'wordpress/wordpress-secrets.yml',
      'wordpress/wordpress-single-deployment-no-volumes.yml',
      'wordpress/wordpress-service.yml',
    ),
    comesTo: [
      'Secret/wordpress-secrets: taken',
      'Deployment/wordpress-deployment: 1/1',
      'Service/wordpress-service: NodePort, 1 ready',
    ],
  },
  // --- an example for each kind and feature ---
  {
    files: example('ClusterRole/simple.yaml'),
    comesTo: ['ClusterRole/cluster-role-simple: taken'],
  },
  {
    files: example('ClusterRoleBinding/simple.yaml'),
    comesTo: [
      'ClusterRoleBinding/cluster-role-binding-clusterrolebinding-simple: taken',
      'ClusterRole/cluster-role-binding-clusterrole-simple: taken',
    ],
  },
  {
    files: example('ConfigMap/configmap.yaml'),
    comesTo: [
      'Pod/volumes-configmap-pod: 1/1 Running',
      'ConfigMap/volumes-configmap-configmap: taken',
    ],
  },
  {
    files: example('CronJob/simple.yaml'),
    comesTo: ['CronJob/cronjob-simple: * * * * * suspend=False'],
  },
  {
    files: example('CustomResourceDefinition/custom-resource-definition.yaml'),
    comesTo: ['CustomResourceDefinition/crontabs.stable.example.com: taken'],
  },
  {
    files: example('DaemonSet/simple-daemon-set.yaml'),
    comesTo: ['DaemonSet/fluentd-elasticsearch: 3/3'],
  },
  {
    files: example('Deployment/init-container-msg.yaml'),
    comesTo: ['Deployment/init-container-msg-deployment: 1/1'],
  },
  {
    files: example('Deployment/simple-deployment-privileged.yaml'),
    comesTo: ['Deployment/deployments-simple-deployment-privileged-deployment: 2/2'],
  },
  {
    files: example('Deployment/simple-deployment-with-environment.yaml'),
    comesTo: [
      'ConfigMap/kafka-config-map: taken',
      'Secret/database-secrets: taken',
      'Deployment/deployments-simple-deployment-with-environment-deployment: 2/2',
    ],
  },
  {
    files: example('Deployment/simple-deployment.yaml'),
    comesTo: ['Deployment/deployments-simple-deployment-deployment: 2/2'],
  },
  {
    files: example('Deployment/webserver.yaml'),
    comesTo: [
      'Deployment/webserver-simple-deployment: 2/2',
      'Service/webserver-simple-service: ClusterIP, 2 ready',
    ],
  },
  {
    files: example('Endpoints/endpoint-slice.yaml'),
    comesTo: ['EndpointSlice/endpoint-slices: taken'],
  },
  {
    files: example('Endpoints/service-and-endpoint.yaml'),
    comesTo: [
      'Service/service-and-endpoint: ClusterIP, 1 ready',
      'Endpoints/service-and-endpoint: taken',
    ],
  },
  {
    files: example('HorizontalPodAutoscaler/simple.yaml'),
    comesTo: [
      'Deployment/hpa-simple-deployment: 1/1',
      'Service/hpa-simple-deployment-service: ClusterIP, 1 ready',
      'HorizontalPodAutoscaler/hpa-simple-hpa: cpu: 0%/1% replicas=1',
    ],
  },
  {
    files: example('Ingress/fanout.yaml'),
    comesTo: ['Ingress/ingress-fanout: refused: pathType: Unsupported value: "exact"'],
  },
  {
    files: example('Ingress/ingress-class.yaml'),
    comesTo: ['IngressClass/external-lb: refused: a lowercase RFC 1123 subdomain'],
  },
  {
    files: example('Ingress/ingress.yaml'),
    comesTo: ['Ingress/test-ingress: *'],
  },
  {
    files: example('Ingress/nohost.yaml'),
    comesTo: ['Ingress/name-virtual-host-ingress: refused: pathType: Unsupported value: "exact"'],
  },
  {
    files: example('Ingress/rewrite.yaml'),
    comesTo: ['Ingress/ingress-rewrite: *'],
  },
  {
    files: example('Ingress/tls.yaml'),
    comesTo: [
      'Secret/ingress-tls-secret: taken',
      'Ingress/ingress-tls: refused: pathType: Unsupported value: "exact"',
    ],
  },
  {
    files: example('Ingress/virtualhosting.yaml'),
    comesTo: ['Ingress/name-virtual-host-ingress: refused: pathType: Unsupported value: "exact"'],
  },
  {
    files: example('Istio/DestinationRule/circuit-breaker.yaml'),
    comesTo: [
      'DestinationRule/circuit-breaker: refused: no matches for kind "DestinationRule" in version "networking.istio.io/v1beta1"',
    ],
  },
  {
    files: example('Istio/DestinationRule/connection-pool-settings.yaml'),
    comesTo: [
      'DestinationRule/connection-pool-settings: refused: no matches for kind "DestinationRule" in version "networking.istio.io/v1beta1"',
    ],
  },
  {
    files: example('Istio/DestinationRule/load-balance.yaml'),
    comesTo: [
      'DestinationRule/load-balance-simple: refused: no matches for kind "DestinationRule" in version "networking.istio.io/v1beta1"',
    ],
  },
  {
    files: example('Istio/DestinationRule/sticky-sessions.yaml'),
    comesTo: [
      'DestinationRule/sticky-sessions-user-cookie: refused: no matches for kind "DestinationRule" in version "networking.istio.io/v1beta1"',
      'DestinationRule/sticky-sessions-user-header: refused: no matches for kind "DestinationRule" in version "networking.istio.io/v1beta1"',
      'DestinationRule/sticky-sessions-source-ip: refused: no matches for kind "DestinationRule" in version "networking.istio.io/v1beta1"',
    ],
  },
  {
    files: example('Istio/DestinationRule/subsets.yaml'),
    comesTo: [
      'DestinationRule/subsets: refused: no matches for kind "DestinationRule" in version "networking.istio.io/v1beta1"',
    ],
  },
  {
    files: example('Istio/DestinationRule/tls.yaml'),
    comesTo: [
      'DestinationRule/accept-external-tls: refused: no matches for kind "DestinationRule" in version "networking.istio.io/v1beta1"',
      'DestinationRule/mutual-external-tls: refused: no matches for kind "DestinationRule" in version "networking.istio.io/v1beta1"',
    ],
  },
  {
    files: example('Istio/VirtualService/delay-injection.yaml'),
    comesTo: [
      'VirtualService/delay-injection: refused: no matches for kind "VirtualService" in version "networking.istio.io/v1beta1"',
    ],
  },
  {
    files: example('Istio/VirtualService/error-injection.yaml'),
    comesTo: [
      'VirtualService/error-injection: refused: no matches for kind "VirtualService" in version "networking.istio.io/v1beta1"',
    ],
  },
  {
    files: example('Istio/VirtualService/header-manipulation.yaml'),
    comesTo: [
      'VirtualService/header-manipulation: refused: no matches for kind "VirtualService" in version "networking.istio.io/v1beta1"',
    ],
  },
  {
    files: example('Istio/VirtualService/identity.yaml'),
    comesTo: [
      'VirtualService/identity: refused: no matches for kind "VirtualService" in version "networking.istio.io/v1beta1"',
    ],
  },
  {
    files: example('Istio/VirtualService/layer-7-routing.yaml'),
    comesTo: [
      'VirtualService/path-routing: refused: no matches for kind "VirtualService" in version "networking.istio.io/v1beta1"',
      'VirtualService/header-routing: refused: no matches for kind "VirtualService" in version "networking.istio.io/v1beta1"',
      'VirtualService/combined-routing: refused: no matches for kind "VirtualService" in version "networking.istio.io/v1beta1"',
    ],
  },
  {
    files: example('Istio/VirtualService/redirect-rewrite.yaml'),
    comesTo: [
      'VirtualService/redirect: refused: no matches for kind "VirtualService" in version "networking.istio.io/v1beta1"',
      'VirtualService/rewrite: refused: no matches for kind "VirtualService" in version "networking.istio.io/v1beta1"',
    ],
  },
  {
    files: example('Istio/VirtualService/retry.yaml'),
    comesTo: [
      'VirtualService/retry: refused: no matches for kind "VirtualService" in version "networking.istio.io/v1beta1"',
    ],
  },
  {
    files: example('Istio/VirtualService/timeout.yaml'),
    comesTo: [
      'VirtualService/timeout: refused: no matches for kind "VirtualService" in version "networking.istio.io/v1beta1"',
    ],
  },
  {
    files: example('Istio/VirtualService/traffic-split.yaml'),
    comesTo: [
      'VirtualService/split-between-services: refused: no matches for kind "VirtualService" in version "networking.istio.io/v1beta1"',
      'VirtualService/split-between-subsets: refused: no matches for kind "VirtualService" in version "networking.istio.io/v1beta1"',
    ],
  },
  {
    files: example('Job/simple.yaml'),
    comesTo: ['Job/jobs-simple-job: Complete 1/1'],
  },
  {
    files: example('Job/spec.activeDeadlineSeconds/timeout.yaml'),
    comesTo: ['Job/jobs-timeout-job: Complete 1/1'],
  },
  {
    files: example('Job/spec.ttlSecondsAfterFinished/timetolive.yaml'),
    comesTo: ['Job/jobs-timetolive-job: Complete 1/1'],
  },
  {
    files: example('LimitRange/mem-min-max.yaml'),
    comesTo: ['LimitRange/limit-range-mem-min-max: taken'],
  },
  {
    files: example('Namespace/namespace.yaml'),
    comesTo: ['Namespace/namespace-namespace: Active'],
  },
  {
    files: example('NetworkPolicy/complex-policy.yaml'),
    comesTo: ['NetworkPolicy/network-policy-policy: taken'],
  },
  {
    files: example('NetworkPolicy/default-deny-egress.yaml'),
    comesTo: ['NetworkPolicy/network-policy-default-deny-egress: taken'],
  },
  {
    files: example('NetworkPolicy/spec.egress/default-allow-egress.yaml'),
    comesTo: ['NetworkPolicy/network-policy-allow-egress: taken'],
  },
  {
    files: example('NetworkPolicy/spec.ingress/default-allow-ingress.yaml'),
    comesTo: ['NetworkPolicy/network-policy-default-allow-ingress: taken'],
  },
  {
    files: example('NetworkPolicy/spec.policyTypes/default-deny-all.yaml'),
    comesTo: ['NetworkPolicy/network-policy-default-deny-all: taken'],
  },
  {
    files: example('NetworkPolicy/spec.policyTypes/default-deny-ingress.yaml'),
    comesTo: ['NetworkPolicy/network-policy-default-deny-ingress: taken'],
  },
  // The volume is on a node called docker-desktop.
  {
    files: example(
      'PersistentVolume/spec.local/local.yaml',
      'PersistentVolumeClaim/pvc.yaml',
      'Pod/spec.volumes.persistentVolumeClaim/pod-pvc.yaml',
    ),
    comesTo: [
      'PersistentVolume/volumes-local-persistent-volume: Bound',
      'PersistentVolumeClaim/persistent-volume-claim: Bound',
      'Pod/volume-pvc: 0/1 Pending',
    ],
  },
  {
    files: example('Pod/debug-network.yaml'),
    comesTo: ['Pod/debug-network-pod: 1/1 Running'],
  },
  {
    files: example('Pod/dns-debug.yaml'),
    comesTo: ['Pod/pod-dns-debug: 1/1 Running'],
  },
  {
    files: example('Pod/simple.yaml'),
    comesTo: ['Pod/pods-simple-pod: 1/1 Running'],
  },
  {
    files: example('Pod/spec.affinity.nodeAffinity/node-affinity.yaml'),
    comesTo: ['Pod/pod-node-affinity: 1/1 Running'],
  },
  {
    files: example('Pod/spec.containers.imagePullPolicy/image-pull-policy.yaml'),
    comesTo: ['Pod/pods-image-pull-policy-pod: 1/1 Running'],
  },
  {
    files: example('Pod/spec.containers.lifecycle/lifecycle.yaml'),
    comesTo: ['Pod/lifecycle-pod: 1/1 Running'],
  },
  {
    files: example('Pod/spec.containers.livenessProbe/advanced-liveness.yaml'),
    comesTo: ['Pod/liveness-http: 1/1 Running'],
  },
  {
    files: example('Pod/spec.containers.livenessProbe/liveness.yaml'),
    comesTo: ['Pod/pods-liveness-exec-pod: 1/1 Running, restarted'],
  },
  // Ready for its first 30 seconds only.
  {
    files: example('Pod/spec.containers.readinessProbe/readiness.yaml'),
    comesTo: ['Pod/pods-readiness-exec-pod: 0/1 Running'],
  },
  {
    files: example('Pod/spec.containers.resources/memory-request-limit.yaml'),
    comesTo: ['Pod/memory-request-limit-pod: 1/1 Running'],
  },
  {
    files: example('Pod/spec.containers.resources/resource-limit.yaml'),
    comesTo: ['Pod/resource-limit-pod: 1/1 Running'],
  },
  // It asks for more than any node has.
  {
    files: example('Pod/spec.containers.resources/resource-request.yaml'),
    comesTo: ['Pod/resource-request-pod: 0/1 Pending'],
  },
  {
    files: example('Pod/spec.containers.securityContext/privileged-namespace.yaml'),
    comesTo: ['Pod/privileged-namespace-pod: 1/1 Running'],
  },
  {
    files: example('Pod/spec.containers.securityContext/privileged-simple.yaml'),
    comesTo: ['Pod/privileged-simple-pod: 1/1 Running'],
  },
  // Its claim is not in the example.
  {
    files: example('Pod/spec.containers.volumeMounts.subPath/subpath.yaml'),
    comesTo: ['Pod/volumes-subpath-pod: 0/2 Pending'],
  },
  {
    files: example('Pod/spec.containers.volumeMounts.subPathExpr/subpathexpr.yaml'),
    comesTo: ['Pod/volumes-subpathexpr-pod: 1/1 Running'],
  },
  // A shell without input ends at once, again and again.
  {
    files: example(
      'Pod/spec.containers.volumes.projected.sources.serviceAccountToken/sa-token.yaml',
    ),
    comesTo: ['Pod/volumes-sa-token-pod: 0/1 CrashLoopBackOff'],
  },
  // Its Secret and ConfigMap are not in the example.
  {
    files: example('Pod/spec.containers.volumes.projected/projected.yaml'),
    comesTo: ['Pod/volumes-projected-pod: 0/1 ContainerCreating'],
  },
  {
    files: example('Pod/spec.containers/multi-container.yaml'),
    comesTo: ['Pod/pods-multi-container-pod: 2/2 Running'],
  },
  {
    files: example('Pod/spec.dnsConfig/dns-config.yaml'),
    comesTo: ['Pod/dns-config-dns-config-pod: 1/1 Running'],
  },
  {
    files: example('Pod/spec.dnsPolicy/policy.yaml'),
    comesTo: ['Pod/dns-config-policy-pod: 1/1 Running'],
  },
  // It prints a file and ends, again and again.
  {
    files: example('Pod/spec.hostAliases/host-aliases.yaml'),
    comesTo: ['Pod/pods-host-aliases-pod: 0/1 CrashLoopBackOff'],
  },
  {
    files: example('Pod/spec.imagePullSecrets/image-pull-secrets.yaml'),
    comesTo: ['Pod/pods-image-pull-secrets-pod: 1/1 Running'],
  },
  // It waits for a Service that the reader makes.
  {
    files: example('Pod/spec.initContainers/init-container.yaml'),
    comesTo: ['Pod/init-container-pod: 0/1 Init:0/1'],
  },
  // No node has its label.
  {
    files: example('Pod/spec.nodeSelector/simple.yaml'),
    comesTo: ['Pod/pod-node-selector-simple: 0/1 Pending'],
  },
  {
    files: example('Pod/spec.terminationGracePeriodSeconds/simple.yaml'),
    comesTo: ['Pod/pods-termination-grace-period-seconds: 1/1 Running'],
  },
  {
    files: example('Pod/spec.tolerations/toleration.yaml'),
    comesTo: ['Pod/pod-toleration: 1/1 Running'],
  },
  // No node has the labels of its topology.
  {
    files: example(
      'Pod/spec.topologySpreadConstraints/topology-spread-constraints-with-node-affinity.yaml',
    ),
    comesTo: ['Pod/topology-spread-constraints-with-node-affinity-pod: 0/1 Pending'],
  },
  // No node has the labels of its topology.
  {
    files: example('Pod/spec.topologySpreadConstraints/topology-spread-constraints.yaml'),
    comesTo: ['Pod/topology-spread-constraints-pod: 0/1 Pending'],
  },
  {
    files: example('Pod/spec.volumes.emptyDir/emptydir.yaml'),
    comesTo: ['Pod/volumes-emptydir-pod: 1/1 Running'],
  },
  {
    files: example('Pod/spec.volumes.hostPath.type/file-or-create.yaml'),
    comesTo: ['Pod/volumes-file-or-create-pod: 1/1 Running'],
  },
  // The claim gets the default class, and the volume has none.
  {
    files: example('Pod/spec.volumes.hostPath/complete.yaml'),
    comesTo: [
      'PersistentVolume/persistent-volume: Available',
      'PersistentVolumeClaim/persistent-volume-claim: Pending',
      'Pod/pod-persistent-volume: 0/1 Pending',
    ],
  },
  {
    files: example('Pod/spec.volumes.hostPath/hostdir.yaml'),
    comesTo: ['Pod/volumes-hostdir-pod: 1/1 Running'],
  },
  {
    files: example('PodDisruptionBudget/pod-disruption-budget-max-unavailable.yaml'),
    comesTo: ['PodDisruptionBudget/pod-disruption-budget-max-unavailable-simple: allowed=0'],
  },
  {
    files: example('PodDisruptionBudget/pod-disruption-budget-min-available.yaml'),
    comesTo: ['PodDisruptionBudget/pod-disruption-budget-min-available-simple: allowed=0'],
  },
  {
    files: example('PriorityClass/default-priority-class.yaml'),
    comesTo: ['PriorityClass/default-priority-class: taken'],
  },
  {
    files: example('ResourceQuotas/quotas.yaml'),
    comesTo: [
      'ResourceQuota/resource-quotas-quotas-pods-high: taken',
      'ResourceQuota/resource-quotas-quotas-pods-medium: taken',
      'ResourceQuota/resource-quotas-quotas-pods-low: taken',
    ],
  },
  {
    files: example('Role/role.yaml'),
    comesTo: ['Role/rbac-role-role: taken'],
  },
  {
    files: example('RoleBinding/role-binding.yaml'),
    comesTo: [
      'RoleBinding/rbac-role-binding-role-binding: taken',
      'Role/rbac-role-binding-role: taken',
    ],
  },
  {
    files: example('Secret/secret-key-ref.yaml'),
    comesTo: [
      'Secret/simple-secret-secret-key-ref-secret: taken',
      'Pod/simple-secret-secret-key-ref-pod: 1/1 Running',
    ],
  },
  {
    files: example('Secret/simple-secret.yaml'),
    comesTo: ['Secret/simple-secret-secret: taken', 'Pod/simple-secret-pod: 1/1 Running'],
  },
  {
    files: example('Service/Pod.spec.subdomain/subdomain.yaml'),
    comesTo: [
      'Service/subdomain-simple-subdomain-service: ClusterIP, 2 ready',
      'Pod/subdomain-simple-pod-1: 1/1 Running',
      'Pod/subdomain-simple-pod-2: 1/1 Running',
    ],
  },
  {
    files: example('Service/multi-port-service.yaml'),
    comesTo: ['Service/multi-port-service-service: ClusterIP, 0 ready'],
  },
  {
    files: example('Service/simple.yaml'),
    comesTo: ['Service/service-simple-service: ClusterIP, 0 ready'],
  },
  {
    files: example('Service/spec.clusterIP/headless-service.yaml'),
    comesTo: [
      'Service/headless-service-normal-service: ClusterIP, 2 ready',
      'Service/headless-service-headless-service: ClusterIP, 2 ready',
      'Deployment/headless-service-deployment: 2/2',
      'Pod/headless-service-dnsutils-pod: 1/1 Running',
    ],
  },
  {
    files: example('Service/spec.externalIPs/external-ips.yaml'),
    comesTo: ['Service/service-external-ips-service: ClusterIP, 0 ready'],
  },
  {
    files: example('Service/spec.externalName/external-name.yaml'),
    comesTo: ['Service/service-external-name-service: ExternalName'],
  },
  {
    files: example('Service/spec.ports.nodePort/node-port.yaml'),
    comesTo: ['Service/service-node-port-service: NodePort, 0 ready'],
  },
  {
    files: example('Service/spec.type/load-balancer.yaml'),
    comesTo: ['Service/service-load-balancer-service: LoadBalancer, 0 ready'],
  },
  {
    files: example('ServiceAccount/service-account-pod.yaml'),
    comesTo: [
      'Role/role-pod-read: taken',
      'RoleBinding/service-account-rolebinding: taken',
      'ServiceAccount/service-account-pod-read: taken',
      'Pod/service-account-pod: 1/1 Running',
    ],
  },
  // The class of its claims is the reader's to make.
  {
    files: example('StatefulSet/simple-stateful-set.yaml'),
    comesTo: [
      'Service/nginx: ClusterIP, 0 ready',
      'StatefulSet/simple-stateful-set: 0/3',
      'Pod/simple-stateful-set-*: 0/1 Pending',
    ],
  },
  {
    files: example('StorageClass/simple.yaml'),
    comesTo: ['StorageClass/storage-class-simple: taken'],
  },
  // It wants no replicas.
  {
    files: example('broken-Deployment/spec.spec.readinessProbe/readiness-broken.yaml'),
    comesTo: [
      'Deployment/readiness-broken-deployment: 0/0',
      'Service/readiness-broken-svc: ClusterIP, 0 ready',
    ],
  },
  {
    files: example('broken-Pod/broken-pods/bad-command.yaml'),
    comesTo: ['Pod/broken-pods-bad-command-pod: 0/1 CrashLoopBackOff'],
  },
  {
    files: example('broken-Pod/broken-pods/default-shell-command.yaml'),
    comesTo: ['Pod/broken-pods-default-shell-command-pod: 0/1 CrashLoopBackOff'],
  },
  {
    files: example('broken-Pod/broken-pods/failed-command.yaml'),
    comesTo: ['Pod/broken-pods-failed-command-pod: 0/1 CrashLoopBackOff'],
  },
  {
    files: example('broken-Pod/broken-pods/misused-command.yaml'),
    comesTo: ['Pod/broken-pods-misused-command-pod: 0/1 CrashLoopBackOff'],
  },
  {
    files: example('broken-Pod/broken-pods/multi-container-no-command.yaml'),
    comesTo: ['Pod/broken-pod-multi-container-no-command-pod: 2/2 Running'],
  },
  {
    files: example('broken-Pod/broken-pods/no-command.yaml'),
    comesTo: ['Pod/broken-pods-no-command-pod: 1/1 Running'],
  },
  {
    files: example('broken-Pod/broken-pods/oom-killed.yaml'),
    comesTo: ['Pod/broken-pods-oom-killed-pod: 0/1 CrashLoopBackOff'],
  },
  {
    files: example('broken-Pod/broken-pods/private-repo.yaml'),
    comesTo: ['Pod/broken-pods-private-repo-pod: 0/1 ImagePullBackOff'],
  },
  // It asks for more than any node has.
  {
    files: example('broken-Pod/broken-pods/too-much-mem.yaml'),
    comesTo: ['Pod/broken-pods-too-much-mem-pod: 0/1 Pending'],
  },
  {
    files: example('broken-Pod/spec.containers.livenessProbe/liveness.yaml'),
    comesTo: ['Pod/broken-liveness-pod: 1/1 Running, restarted'],
  },
  {
    files: example('broken-Pod/spec.containers.readinessProbe/readiness.yaml'),
    comesTo: ['Pod/broken-readiness-pod: 0/1 Running'],
  },
  // It waits for a Service that is never made.
  {
    files: example('broken-Pod/spec.initContainers/init-container.yaml'),
    comesTo: ['Pod/broken-init-container-pod: 0/1 Init:0/1'],
  },
  {
    files: example('broken-Secret/simple-secret.yaml'),
    comesTo: ['Pod/secrets-simple-secret-pod: 0/1 ContainerCreating'],
  },
  // A field of extensions/v1beta1 under networking.k8s.io/v1.
  {
    files: example('cloud-providers/gcp/https-ready-alb/https-ready-alb.yaml'),
    comesTo: [
      'Deployment/https-ready-alb-deployment: 2/2',
      'ManagedCertificate/https-ready-alb-cert: refused: no matches for kind "ManagedCertificate" in version "networking.gke.io/v1beta1"',
      'Ingress/https-ready-alb-ingress: refused: .spec.backend: field not declared in schema',
      'Service/https-ready-alb-service: NodePort, 2 ready',
    ],
  },
  {
    files: example('plugins/examples.yaml'),
    comesTo: [
      'Plugin/examples: refused: no matches for kind "Plugin" in version "krew.googlecontainertools.github.com/v1alpha2"',
    ],
  },
  // The claim gets the default class, and the volume has none.
  {
    files: example('StatefulSet/stateful-set-shared-pv.yaml'),
    comesTo: [
      'PersistentVolume/stateful-set-shared-pv-volume: Available',
      'PersistentVolumeClaim/stateful-set-shared-pv-claim: Pending',
      'Service/nginx: ClusterIP, 0 ready',
      'StatefulSet/stateful-set-shared-pv-stateful-set: 0/3',
      'Pod/stateful-set-shared-pv-stateful-set-*: 0/1 Pending',
    ],
  },
  // --- the documentation's examples ---
  {
    files: documentation('access/certificate-signing-request/clusterrole-approve.yaml'),
    comesTo: ['ClusterRole/csr-approver: taken'],
  },
  {
    files: documentation('access/certificate-signing-request/clusterrole-create.yaml'),
    comesTo: ['ClusterRole/csr-creator: taken'],
  },
  {
    files: documentation('access/certificate-signing-request/clusterrole-sign.yaml'),
    comesTo: ['ClusterRole/csr-signer: taken'],
  },
  {
    files: documentation('access/deployment-replicas-policy.yaml'),
    comesTo: [
      'ValidatingAdmissionPolicy/deploy-replica-policy.example.com: refused: no matches for kind "ValidatingAdmissionPolicy" in version "admissionregistration.k8s.io/v1alpha1"',
    ],
  },
  {
    files: documentation('access/endpoints-aggregated.yaml'),
    comesTo: ['ClusterRole/custom:aggregate-to-edit:endpoints: taken'],
  },
  {
    files: documentation('access/image-matches-namespace-environment.policy.yaml'),
    comesTo: [
      'ValidatingAdmissionPolicy/image-matches-namespace-environment.policy.example.com: refused: no matches for kind "ValidatingAdmissionPolicy" in version "admissionregistration.k8s.io/v1beta1"',
    ],
  },
  {
    files: documentation('access/validating-admission-policy-audit-annotation.yaml'),
    comesTo: [
      'ValidatingAdmissionPolicy/demo-policy.example.com: refused: no matches for kind "ValidatingAdmissionPolicy" in version "admissionregistration.k8s.io/v1alpha1"',
    ],
  },
  // It wants nodes of the control plane, and there are none.
  {
    files: documentation('admin/cloud/ccm-example.yaml'),
    comesTo: [
      'ServiceAccount/cloud-controller-manager: taken',
      'ClusterRoleBinding/system:cloud-controller-manager: taken',
      'DaemonSet/cloud-controller-manager: 0/0',
    ],
  },
  {
    files: documentation('admin/dns/busybox.yaml'),
    comesTo: ['Pod/busybox: 1/1 Running'],
  },
  {
    files: documentation('admin/dns/dns-horizontal-autoscaler.yaml'),
    comesTo: [
      'ServiceAccount/kube-dns-autoscaler: taken',
      'ClusterRole/system:kube-dns-autoscaler: taken',
      'ClusterRoleBinding/system:kube-dns-autoscaler: taken',
      'Deployment/kube-dns-autoscaler: 1/1',
    ],
  },
  {
    files: documentation('admin/dns/dnsutils.yaml'),
    comesTo: ['Pod/dnsutils: 1/1 Running'],
  },
  {
    files: documentation(
      'admin/konnectivity/konnectivity-agent.yaml',
      'admin/konnectivity/konnectivity-server.yaml',
      'admin/konnectivity/konnectivity-rbac.yaml',
    ),
    comesTo: [
      'DaemonSet/konnectivity-agent: 3/3',
      'Pod/konnectivity-server: 1/1 Running',
      'ClusterRoleBinding/system:konnectivity-server: taken',
      'ServiceAccount/konnectivity-agent: taken',
    ],
  },
  {
    files: documentation('admin/logging/fluentd-sidecar-config.yaml'),
    comesTo: ['ConfigMap/fluentd-config: taken'],
  },
  // Its ConfigMap is another example.
  {
    files: documentation('admin/logging/two-files-counter-pod-agent-sidecar.yaml'),
    comesTo: ['Pod/counter: 0/2 ContainerCreating'],
  },
  {
    files: documentation('admin/logging/two-files-counter-pod-streaming-sidecar.yaml'),
    comesTo: ['Pod/counter: 3/3 Running'],
  },
  {
    files: documentation('admin/logging/two-files-counter-pod.yaml'),
    comesTo: ['Pod/counter: 1/1 Running'],
  },
  {
    files: documentation('admin/namespace-dev.json'),
    comesTo: ['Namespace/development: Active'],
  },
  {
    files: documentation('admin/namespace-prod.json'),
    comesTo: ['Namespace/production: Active'],
  },
  {
    files: documentation(
      'admin/resource/cpu-constraints.yaml',
      'admin/resource/cpu-constraints-pod.yaml',
      'admin/resource/cpu-constraints-pod-2.yaml',
      'admin/resource/cpu-constraints-pod-3.yaml',
      'admin/resource/cpu-constraints-pod-4.yaml',
    ),
    comesTo: [
      'LimitRange/cpu-min-max-demo-lr: taken',
      'Pod/constraints-cpu-demo: 1/1 Running',
      'Pod/constraints-cpu-demo-2: refused: maximum cpu usage per Container is 800m, but limit is 1500m',
      'Pod/constraints-cpu-demo-3: refused: minimum cpu usage per Container is 200m, but request is 100m',
      'Pod/constraints-cpu-demo-4: 1/1 Running',
    ],
  },
  {
    files: documentation(
      'admin/resource/cpu-defaults.yaml',
      'admin/resource/cpu-defaults-pod.yaml',
      'admin/resource/cpu-defaults-pod-2.yaml',
      'admin/resource/cpu-defaults-pod-3.yaml',
    ),
    comesTo: [
      'LimitRange/cpu-limit-range: taken',
      'Pod/default-cpu-demo: 1/1 Running',
      'Pod/default-cpu-demo-2: 1/1 Running',
      'Pod/default-cpu-demo-3: 1/1 Running',
    ],
  },
  {
    files: documentation(
      'admin/resource/limit-mem-cpu-container.yaml',
      'admin/resource/limit-range-pod-1.yaml',
      'admin/resource/limit-mem-cpu-pod.yaml',
      'admin/resource/limit-range-pod-2.yaml',
    ),
    comesTo: [
      'LimitRange/limit-mem-cpu-per-container: taken',
      'Pod/busybox1: 4/4 Running',
      'LimitRange/limit-mem-cpu-per-pod: taken',
      'Pod/busybox2: refused: maximum cpu usage per Pod is 2, but limit is 2400m',
    ],
  },
  {
    files: documentation(
      'admin/resource/limit-memory-ratio-pod.yaml',
      'admin/resource/limit-range-pod-3.yaml',
    ),
    comesTo: [
      'LimitRange/limit-memory-ratio-pod: taken',
      'Pod/busybox3: refused: memory max limit to request ratio per Pod is 2, but provided ratio is 3.000000',
    ],
  },
  {
    files: documentation(
      'admin/resource/memory-constraints.yaml',
      'admin/resource/memory-constraints-pod.yaml',
      'admin/resource/memory-constraints-pod-2.yaml',
      'admin/resource/memory-constraints-pod-3.yaml',
      'admin/resource/memory-constraints-pod-4.yaml',
    ),
    comesTo: [
      'LimitRange/mem-min-max-demo-lr: taken',
      'Pod/constraints-mem-demo: 1/1 Running',
      'Pod/constraints-mem-demo-2: refused: maximum memory usage per Container is 1Gi, but limit is 1536Mi',
      'Pod/constraints-mem-demo-3: refused: minimum memory usage per Container is 500Mi, but request is 100Mi',
      'Pod/constraints-mem-demo-4: 1/1 Running',
    ],
  },
  {
    files: documentation(
      'admin/resource/memory-defaults.yaml',
      'admin/resource/memory-defaults-pod.yaml',
      'admin/resource/memory-defaults-pod-2.yaml',
      'admin/resource/memory-defaults-pod-3.yaml',
    ),
    comesTo: [
      'LimitRange/mem-limit-range: taken',
      'Pod/default-mem-demo: 1/1 Running',
      'Pod/default-mem-demo-2: 1/1 Running',
      'Pod/default-mem-demo-3: 1/1 Running',
    ],
  },
  {
    files: documentation(
      'admin/resource/quota-mem-cpu.yaml',
      'admin/resource/quota-mem-cpu-pod.yaml',
      'admin/resource/quota-mem-cpu-pod-2.yaml',
    ),
    comesTo: [
      'ResourceQuota/mem-cpu-demo: taken',
      'Pod/quota-mem-cpu-demo: 1/1 Running',
      'Pod/quota-mem-cpu-demo-2: refused: exceeded quota: mem-cpu-demo',
    ],
  },
  {
    files: documentation(
      'admin/resource/quota-objects.yaml',
      'admin/resource/quota-objects-pvc.yaml',
      'admin/resource/quota-objects-pvc-2.yaml',
    ),
    comesTo: [
      'ResourceQuota/object-quota-demo: taken',
      'PersistentVolumeClaim/pvc-quota-demo: Pending',
      'PersistentVolumeClaim/pvc-quota-demo-2: refused: exceeded quota: object-quota-demo',
    ],
  },
  {
    files: documentation(
      'admin/resource/quota-pod.yaml',
      'admin/resource/quota-pod-deployment.yaml',
    ),
    comesTo: [
      'ResourceQuota/pod-demo: taken',
      'Deployment/pod-quota-demo: 2/3',
      'Pod/pod-quota-demo-*: 1/1 Running',
    ],
  },
  {
    files: documentation('admin/sched/my-scheduler.yaml'),
    comesTo: [
      'ServiceAccount/my-scheduler: taken',
      'ClusterRoleBinding/my-scheduler-as-kube-scheduler: taken',
      'ClusterRoleBinding/my-scheduler-as-volume-scheduler: taken',
      'RoleBinding/my-scheduler-extension-apiserver-authentication-reader: taken',
      'ConfigMap/my-scheduler-config: taken',
      'Deployment/my-scheduler: 1/1',
    ],
  },
  {
    files: documentation('admin/sched/pod1.yaml'),
    comesTo: ['Pod/no-annotation: 1/1 Running'],
  },
  {
    files: documentation('admin/sched/pod2.yaml'),
    comesTo: ['Pod/annotation-default-scheduler: 1/1 Running'],
  },
  // Its scheduler does not run.
  {
    files: documentation('admin/sched/pod3.yaml'),
    comesTo: ['Pod/annotation-second-scheduler: 0/1 Pending'],
  },
  {
    files: documentation('admin/snowflake-deployment.yaml'),
    comesTo: ['Deployment/snowflake: 2/2'],
  },
  {
    files: documentation(
      'application/cassandra/cassandra-service.yaml',
      'application/cassandra/cassandra-statefulset.yaml',
    ),
    comesTo: [
      'Service/cassandra: ClusterIP, 3 ready',
      'StatefulSet/cassandra: 3/3',
      'StorageClass/fast: taken',
    ],
  },
  {
    files: documentation('application/deployment-patch.yaml'),
    comesTo: ['Deployment/patch-demo: 2/2'],
  },
  {
    files: documentation('application/deployment-retainkeys.yaml'),
    comesTo: ['Deployment/retainkeys-demo: 1/1'],
  },
  {
    files: documentation('application/deployment-scale.yaml'),
    comesTo: ['Deployment/nginx-deployment: 4/4'],
  },
  {
    files: documentation('application/deployment-sidecar.yaml'),
    comesTo: ['Deployment/myapp: 1/1'],
  },
  {
    files: documentation('application/deployment-update.yaml'),
    comesTo: ['Deployment/nginx-deployment: 2/2'],
  },
  {
    files: documentation('application/deployment.yaml'),
    comesTo: ['Deployment/nginx-deployment: 2/2'],
  },
  {
    files: documentation(
      'application/guestbook/frontend-deployment.yaml',
      'application/guestbook/redis-leader-deployment.yaml',
      'application/guestbook/redis-follower-deployment.yaml',
      'application/guestbook/redis-leader-service.yaml',
      'application/guestbook/frontend-service.yaml',
      'application/guestbook/redis-follower-service.yaml',
    ),
    comesTo: [
      'Deployment/frontend: 3/3',
      'Deployment/redis-leader: 1/1',
      'Deployment/redis-follower: 2/2',
      'Service/redis-leader: ClusterIP, 1 ready',
      'Service/frontend: ClusterIP, 3 ready',
      'Service/redis-follower: ClusterIP, 2 ready',
    ],
  },
  {
    files: documentation('application/job/cronjob.yaml'),
    comesTo: ['CronJob/hello: * * * * * suspend=False'],
  },
  {
    files: documentation('application/job/indexed-job-vol.yaml'),
    comesTo: ['Job/indexed-job: Complete 5/5'],
  },
  {
    files: documentation('application/job/indexed-job.yaml'),
    comesTo: ['Job/indexed-job: Complete 5/5'],
  },
  {
    files: documentation('application/job/job-sidecar.yaml'),
    comesTo: ['Job/myjob: Complete 1/1'],
  },
  // A template, not an object.
  {
    files: documentation('application/job/job-tmpl.yaml'),
    comesTo: ['Job/process-item-$ITEM: refused: a lowercase RFC 1123 subdomain'],
  },
  // The reader is to fill in the name of an image.
  {
    files: documentation('application/job/rabbitmq/job.yaml'),
    comesTo: ['Job/job-wq-1: Running 0/8', 'Pod/job-wq-1-*: 0/1 InvalidImageName'],
  },
  {
    files: documentation(
      'application/job/redis/redis-pod.yaml',
      'application/job/redis/redis-service.yaml',
      'application/job/redis/job.yaml',
    ),
    comesTo: [
      'Pod/redis-master: 1/1 Running',
      'Service/redis: ClusterIP, 1 ready',
      'Job/job-wq-2: Complete 2/1 of 2',
    ],
  },
  {
    files: documentation(
      'application/mongodb/mongo-deployment.yaml',
      'application/mongodb/mongo-service.yaml',
    ),
    comesTo: ['Deployment/mongo: 1/1', 'Service/mongo: ClusterIP, 1 ready'],
  },
  {
    files: documentation(
      'application/mysql/mysql-configmap.yaml',
      'application/mysql/mysql-services.yaml',
      'application/mysql/mysql-statefulset.yaml',
    ),
    comesTo: [
      'ConfigMap/mysql: taken',
      'Service/mysql: ClusterIP, 3 ready',
      'Service/mysql-read: ClusterIP, 3 ready',
      'StatefulSet/mysql: 3/3',
    ],
  },
  {
    files: documentation('application/nginx-app.yaml'),
    comesTo: ['Service/my-nginx-svc: LoadBalancer, 3 ready', 'Deployment/my-nginx: 3/3'],
  },
  {
    files: documentation('application/nginx-with-request.yaml'),
    comesTo: ['Deployment/nginx-deployment: 2/2'],
  },
  {
    files: documentation(
      'application/nginx/nginx-deployment.yaml',
      'application/nginx/nginx-svc.yaml',
    ),
    comesTo: ['Deployment/my-nginx: 3/3', 'Service/my-nginx-svc: LoadBalancer, 3 ready'],
  },
  {
    files: documentation('application/php-apache.yaml', 'application/hpa/php-apache.yaml'),
    comesTo: [
      'Deployment/php-apache: 1/1',
      'Service/php-apache: ClusterIP, 1 ready',
      'HorizontalPodAutoscaler/php-apache: cpu: 0%/50% replicas=1',
    ],
  },
  {
    files: documentation('application/shell-demo.yaml'),
    comesTo: ['Pod/shell-demo: 1/1 Running'],
  },
  {
    files: documentation('application/simple_deployment.yaml'),
    comesTo: ['Deployment/nginx-deployment: 1/1'],
  },
  {
    files: documentation('application/ssa/nginx-deployment-no-replicas.yaml'),
    comesTo: ['Deployment/nginx-deployment: 1/1'],
  },
  {
    files: documentation('application/ssa/nginx-deployment.yaml'),
    comesTo: ['Deployment/nginx-deployment: 3/3'],
  },
  {
    files: documentation('application/update_deployment.yaml'),
    comesTo: ['Deployment/nginx-deployment: 1/1'],
  },
  {
    files: documentation('application/web/web-parallel.yaml'),
    comesTo: ['Service/nginx: ClusterIP, 2 ready', 'StatefulSet/web: 2/2'],
  },
  {
    files: documentation('application/web/web.yaml'),
    comesTo: ['Service/nginx: ClusterIP, 2 ready', 'StatefulSet/web: 2/2'],
  },
  {
    files: documentation('application/zookeeper/zookeeper.yaml'),
    comesTo: [
      'Service/zk-hs: ClusterIP, 3 ready',
      'Service/zk-cs: ClusterIP, 3 ready',
      'PodDisruptionBudget/zk-pdb: allowed=1',
      'StatefulSet/zk: 3/3',
    ],
  },
  {
    files: documentation('configmap/configmap-multikeys.yaml'),
    comesTo: ['ConfigMap/special-config: taken'],
  },
  // Its ConfigMap is not among the examples.
  {
    files: documentation('configmap/configure-pod.yaml'),
    comesTo: ['Pod/configmap-demo-pod: 0/1 ContainerCreating'],
  },
  // No node has the label `ssd: true` before the reader sets it.
  {
    files: documentation('controllers/daemonset-label-selector.yaml'),
    comesTo: ['DaemonSet/ssd-driver: 0/0'],
  },
  {
    files: documentation('controllers/daemonset.yaml'),
    comesTo: ['DaemonSet/fluentd-elasticsearch: 3/3'],
  },
  // Its target names no API group.
  {
    files: documentation('controllers/frontend.yaml', 'controllers/hpa-rs.yaml'),
    comesTo: [
      'ReplicaSet/frontend: 3/3',
      'HorizontalPodAutoscaler/frontend-scaler: refused: apiVersion must specify API group',
    ],
  },
  // Its Python is not run: on a real node the even indexes fail.
  {
    files: documentation('controllers/job-backoff-limit-per-index-example.yaml'),
    comesTo: ['Job/job-backoff-limit-per-index-example: Complete 10/10'],
  },
  {
    files: documentation('controllers/job-pod-failure-policy-config-issue.yaml'),
    comesTo: [
      'Job/job-pod-failure-policy-config-issue: Running 0/8',
      'Pod/job-pod-failure-policy-config-issue-*: 0/1 ImagePullBackOff',
    ],
  },
  {
    files: documentation('controllers/job-pod-failure-policy-example.yaml'),
    comesTo: [
      'Job/job-pod-failure-policy-example: Failed 0/12',
      'Pod/job-pod-failure-policy-example-*: 0/1 Error',
    ],
  },
  {
    files: documentation('controllers/job-pod-failure-policy-failjob.yaml'),
    comesTo: [
      'Job/job-pod-failure-policy-failjob: Failed 0/8',
      'Pod/job-pod-failure-policy-failjob-*: 0/1 Error',
    ],
  },
  // It runs until the reader drains its node.
  {
    files: documentation('controllers/job-pod-failure-policy-ignore.yaml'),
    comesTo: [
      'Job/job-pod-failure-policy-ignore: Running 0/4',
      'Pod/job-pod-failure-policy-ignore-*: 1/1 Running',
    ],
  },
  {
    files: documentation('controllers/job.yaml'),
    comesTo: ['Job/pi: Complete 1/1'],
  },
  {
    files: documentation('controllers/nginx-deployment.yaml'),
    comesTo: ['Deployment/nginx-deployment: 3/3'],
  },
  {
    files: documentation('controllers/replicaset.yaml'),
    comesTo: ['ReplicaSet/my-repset: 3/3'],
  },
  {
    files: documentation('controllers/replication-nginx-1.14.2.yaml'),
    comesTo: ['ReplicationController/my-nginx: 5/5'],
  },
  {
    files: documentation('controllers/replication-nginx-1.16.1.yaml'),
    comesTo: ['ReplicationController/my-nginx-v4: 5/5'],
  },
  {
    files: documentation('controllers/replication.yaml'),
    comesTo: ['ReplicationController/nginx: 3/3'],
  },
  {
    files: documentation('access/validating-admission-policy-match-conditions.yaml'),
    comesTo: [
      'ValidatingAdmissionPolicy/demo-policy.example.com: refused: no matches for kind "ValidatingAdmissionPolicy" in version "admissionregistration.k8s.io/v1alpha1"',
    ],
  },
  {
    files: documentation('admin/namespace-dev.yaml'),
    comesTo: ['Namespace/development: Active'],
  },
  {
    files: documentation('admin/namespace-prod.yaml'),
    comesTo: ['Namespace/production: Active'],
  },
  {
    files: documentation(
      'application/mysql/mysql-pv.yaml',
      'application/mysql/mysql-deployment.yaml',
    ),
    comesTo: [
      'PersistentVolume/mysql-pv-volume: Bound',
      'PersistentVolumeClaim/mysql-pv-claim: Bound',
      'Service/mysql: ClusterIP, 1 ready',
      'Deployment/mysql: 1/1',
    ],
  },
  {
    files: documentation('configmap/configmaps.yaml'),
    comesTo: ['ConfigMap/special-config: taken', 'ConfigMap/env-config: taken'],
  },
  {
    files: documentation('controllers/fluentd-daemonset-update.yaml'),
    comesTo: ['DaemonSet/fluentd-elasticsearch: 3/3'],
  },
  {
    files: documentation('controllers/fluentd-daemonset.yaml'),
    comesTo: ['DaemonSet/fluentd-elasticsearch: 3/3'],
  },
  {
    files: documentation(
      'admin/resource/storagelimits.yaml',
      'admin/resource/pvc-limit-greater.yaml',
      'admin/resource/pvc-limit-lower.yaml',
    ),
    comesTo: [
      'LimitRange/storagelimits: taken',
      'PersistentVolumeClaim/pvc-limit-greater: refused: maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 5Gi',
      'PersistentVolumeClaim/pvc-limit-lower: refused: minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi',
    ],
  },
  // A kustomization makes their Secret.
  {
    files: documentation(
      'application/wordpress/mysql-deployment.yaml',
      'application/wordpress/wordpress-deployment.yaml',
    ),
    comesTo: [
      'Service/wordpress-mysql: ClusterIP, 0 ready',
      'PersistentVolumeClaim/mysql-pv-claim: Bound',
      'Deployment/wordpress-mysql: 0/1',
      'Pod/wordpress-mysql-*: 0/1 CreateContainerConfigError',
      'Service/wordpress: LoadBalancer, 0 ready',
      'PersistentVolumeClaim/wp-pv-claim: Bound',
      'Deployment/wordpress: 0/1',
      'Pod/wordpress-*: 0/1 CreateContainerConfigError',
    ],
  },
  // It takes rights from the scheduler.
  {
    files: documentation('admin/sched/clusterrole.yaml'),
    comesTo: ['ClusterRole/system:kube-scheduler: taken'],
    last: true,
  },
];
