{{- define "activeloop.name" -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "activeloop.labels" -}}
app.kubernetes.io/name: activeloop
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{- define "activeloop.selector" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{- define "activeloop.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* what every container is told */ -}}
{{- define "activeloop.env" -}}
{{- if .Values.database.bundled }}
- name: DATABASE_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .Values.secretName }}, key: DATABASE_PASSWORD}}
- name: DATABASE_URL
  value: postgresql://activeloop:$(DATABASE_PASSWORD)@{{ include "activeloop.name" . }}-database/activeloop
{{- end }}
- name: ARTIFACTS
  value: {{ .Values.artifacts.url | default "/artifacts" | quote }}
- name: ACTIVELOOP_WORK
  value: /work
- name: HOME
  value: /work
{{- with .Values.models }}
- name: ACTIVELOOP_MODELS
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.devices }}
- name: ACTIVELOOP_DEVICES
  value: {{ join "," . | quote }}
{{- end }}
{{- end }}

{{- define "activeloop.envFrom" -}}
- secretRef: {name: {{ .Values.secretName }}}
{{- end }}

{{- /* the restricted pod security standard */ -}}
{{- define "activeloop.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "activeloop.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "activeloop.mounts" -}}
- {name: work, mountPath: /work}
- {name: tmp, mountPath: /tmp}
{{- if not .Values.artifacts.url }}
- {name: artifacts, mountPath: /artifacts}
{{- end }}
{{- end }}

{{- define "activeloop.volumes" -}}
- {name: work, emptyDir: {}}
- {name: tmp, emptyDir: {}}
{{- if not .Values.artifacts.url }}
- name: artifacts
  persistentVolumeClaim: {claimName: {{ include "activeloop.name" . }}-artifacts}
{{- end }}
{{- end }}
