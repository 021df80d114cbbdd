/** A chart with everything that helm does specially: definitions, hooks that are Jobs, test pods, lookups. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const FILES: Readonly<Record<string, string>> = {
  'Chart.yaml': 'apiVersion: v2\nname: rich\nversion: 0.1.0\nappVersion: "1"\n',
  'values.yaml': 'size: 1\nhookFails: false\nslots: 2\n',
  'crds/boats.yaml': `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: boats.sea.example.com}
spec:
  group: sea.example.com
  scope: Namespaced
  names: {plural: boats, singular: boat, kind: Boat}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [size]
            properties:
              size: {type: integer, minimum: 1}
              crew: {type: array, items: {type: string}}
`,
  'templates/boat.yaml': `apiVersion: sea.example.com/v1
kind: Boat
metadata: {name: {{ .Release.Name }}-boat}
spec:
  size: {{ .Values.size }}
  crew: [ann, bob]
`,
  'templates/seen.yaml': `apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-seen}
data:
  server: {{ .Capabilities.KubeVersion.Version | quote }}
  hasBoats: {{ .Capabilities.APIVersions.Has "sea.example.com/v1/Boat" | quote }}
  hasJobs: {{ .Capabilities.APIVersions.Has "batch/v1/Job" | quote }}
  ofNamespace: {{ ((lookup "v1" "Namespace" "" "kube-system").metadata).name | quote }}
  secrets: {{ (lookup "v1" "Secret" .Release.Namespace "").items | default list | len | quote }}
  missing: {{ lookup "v1" "ConfigMap" .Release.Namespace "nothing" | empty | quote }}
`,
  'templates/before.yaml': job('before', 'pre-install,pre-upgrade', '-5'),
  'templates/after.yaml': job('after', 'post-install,post-upgrade', '5'),
  'templates/rolled.yaml': hookMap('rolled', 'post-rollback'),
  'templates/gone.yaml': hookMap('gone', 'post-delete'),
  'templates/tests/good.yaml': `apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-check
  annotations: {helm.sh/hook: test, helm.sh/hook-delete-policy: before-hook-creation}
spec:
  restartPolicy: Never
  containers:
  - name: check
    image: busybox
    command: [sh, -c, "echo checked; exit {{ .Values.testCode | default 0 }}"]
`,
};

/** Writes the chart `rich` into `folder`. */
export function writeRichChart(folder: string): void {
  for (const [name, text] of Object.entries(FILES)) {
    const file = join(folder, 'rich', name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

function job(name: string, hook: string, weight: string): string {
  return `apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-${name}
  annotations: {helm.sh/hook: "${hook}", helm.sh/hook-weight: "${weight}", helm.sh/hook-delete-policy: before-hook-creation}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
      - name: ${name}
        image: busybox
        command: [sh, -c, "exit {{ if .Values.hookFails }}3{{ else }}0{{ end }}"]
`;
}

function hookMap(name: string, hook: string): string {
  return `apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-${name}
  annotations: {helm.sh/hook: ${hook}, helm.sh/hook-delete-policy: before-hook-creation}
data: {revision: {{ .Release.Revision | quote }}}
`;
}
