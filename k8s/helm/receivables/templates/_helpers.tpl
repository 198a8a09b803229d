{{- /* Labels of an object: (list root name component). */ -}}
{{- define "receivables.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/component: {{ index . 2 }}
app.kubernetes.io/part-of: receivables
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
{{- end }}

{{- /* Labels that select the pods of a service: (list name). */ -}}
{{- define "receivables.selector" -}}
app.kubernetes.io/name: {{ index . 0 }}
app.kubernetes.io/component: service
app.kubernetes.io/part-of: receivables
{{- end }}

{{- define "receivables.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{- /* A map of settings, every value a text; numbers as they were written. */ -}}
{{- define "receivables.data" -}}
{{- range $key, $value := . }}
{{ $key }}: {{ kindIs "string" $value | ternary $value ($value | toJson) | quote }}
{{- end }}
{{- end }}

{{- /* What every service reads. */ -}}
{{- define "receivables.shared" -}}
{{- $fixed := dict "AR_PARTITIONS" .Values.partitions "AR_REPLICATION" .Values.replication -}}
{{- include "receivables.data" (merge $fixed .Values.settings) -}}
{{- end }}

{{- /* A map's name, ending in the hash of its content as Kustomize's does, so that a change rolls the pods that read
       it: (list name data). */ -}}
{{- define "receivables.mapName" -}}
{{- $content := dict "data" (index . 1 | fromYaml) "kind" "ConfigMap" "name" "" | toJson | sha256sum | trunc 10 -}}
{{ index . 0 }}-{{ $content | replace "0" "g" | replace "1" "h" | replace "3" "k" | replace "a" "m" | replace "e" "t" }}
{{- end }}

{{- /* Who a pod is: no root, no privilege, no token. */ -}}
{{- define "receivables.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- define "receivables.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
volumeMounts:
  - name: secrets
    mountPath: /run/secrets/receivables
    readOnly: true
  - name: tmp
    mountPath: /tmp
  {{- if .Values.cnpg.enabled }}
  - name: database-ca
    mountPath: /run/secrets/receivables-db
    readOnly: true
  {{- end }}
{{- end }}

{{- define "receivables.databaseCa" -}}
{{- if .Values.cnpg.enabled }}
- name: database-ca
  secret:
    secretName: receivables-db-ca
    defaultMode: 0440
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- end }}

{{- /* The topics that each service follows (their stream.py). */ -}}
{{- define "receivables.follows" -}}
credit: [ledger, orders]
invoicing: [credit, disputes, orders]
ledger: [credit, disputes, invoicing]
disputes: [invoicing, ledger]
notifications: [credit, disputes, invoicing, ledger, orders]
{{- end }}
