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

{{- /* Where the broker is: as a setting says, else where Strimzi's will be. */ -}}
{{- define "receivables.bootstrap" -}}
{{- $strimzi := .Values.strimzi.enabled | ternary (printf "receivables-kafka-bootstrap.%s.svc:9093" .Release.Namespace) "" -}}
{{- .Values.settings.AR_KAFKA_BOOTSTRAP_SERVERS | default $strimzi
    | required "settings.AR_KAFKA_BOOTSTRAP_SERVERS must name the broker, for strimzi.enabled is false" -}}
{{- end }}

{{- /* Where a role enters its database; the password is the secret store's: (list root name role). */ -}}
{{- define "receivables.databaseUrl" -}}
{{- $root := index . 0 -}}
{{- with $root.Values.database -}}
{{- $cnpg := $root.Values.cnpg.enabled | ternary (printf "receivables-db-rw.%s.svc" $root.Release.Namespace) "" -}}
{{- $host := .host | default $cnpg
    | required "database.host must name the server for the addresses that externalSecrets makes, for cnpg.enabled is false" -}}
postgresql://{{ index $ 1 }}_{{ index $ 2 }}:{{ `{{ .password | urlquery | replace \"+\" \"%20\" }}` }}@{{ $host }}:{{ .port }}/{{ index $ 1 }}?{{ .parameters }}
{{- end }}
{{- end }}

{{- /* What every service reads. */ -}}
{{- define "receivables.shared" -}}
{{- $fixed := dict "AR_PARTITIONS" .Values.partitions "AR_REPLICATION" .Values.replication -}}
{{- $fixed = set $fixed "AR_KAFKA_BOOTSTRAP_SERVERS" (include "receivables.bootstrap" .) -}}
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

{{- /* What a container may, and what it finds where: (list root role its-secret-for-the-broker). */ -}}
{{- define "receivables.containerSecurity" -}}
{{- $root := index . 0 -}}
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
  {{- if eq (index . 1) "serve" }}
  - name: tls
    mountPath: /etc/receivables/tls
    readOnly: true
  - name: trust
    mountPath: /etc/receivables/trust
    readOnly: true
  {{- if index . 2 }}
  - name: kafka
    mountPath: /etc/receivables/kafka
    readOnly: true
  {{- end }}
  {{- if index . 3 }}
  - name: lists
    mountPath: /etc/receivables/lists
    readOnly: true
  {{- end }}
  {{- end }}
  {{- if include "receivables.caSecret" $root }}
  - name: database-ca
    mountPath: /run/secrets/receivables-db
    readOnly: true
  {{- end }}
{{- end }}

{{- /* Who vouches for the database's server: the cluster's own authority, or the one that is named. */ -}}
{{- define "receivables.caSecret" -}}
{{- .Values.database.existingCaSecret | default (.Values.cnpg.enabled | ternary "receivables-db-ca" "") -}}
{{- end }}

{{- define "receivables.databaseCa" -}}
{{- with include "receivables.caSecret" . }}
- name: database-ca
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items:
      - key: ca.crt
        path: ca.crt
{{- end }}
{{- end }}

{{- /* Labels and annotations of a pod, the platform's own among them: (list root name component). */ -}}
{{- define "receivables.podMetadata" -}}
{{- $root := index . 0 -}}
labels:
  {{- include "receivables.labels" . | nindent 2 }}
  {{- with $root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $root.Values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* A rule of a policy: whom pods may reach, and where; no peer: any address (list peers ports). */ -}}
{{- define "receivables.egress" -}}
- {{ with index . 0 }}to:
    {{- toYaml . | nindent 4 }}
  {{ end }}ports:
    {{- range index . 1 }}
    - protocol: {{ .protocol | default "TCP" }}
      port: {{ .port }}
    {{- end }}
{{- end }}

{{- /* Names, and the database: what every pod of ours reaches. */ -}}
{{- define "receivables.egressOfAll" -}}
{{- with .Values.networkPolicies.dns }}
{{- include "receivables.egress" (list .peers (list (dict "protocol" "UDP" "port" .port) (dict "port" .port))) }}
{{- end }}
{{- $cnpg := list (dict "podSelector" (dict "matchLabels" (dict "cnpg.io/cluster" "receivables-db"))) }}
{{- $peers := .Values.database.peers | default (.Values.cnpg.enabled | ternary $cnpg list) }}
{{ include "receivables.egress" (list $peers (list (dict "port" .Values.database.port))) }}
{{- end }}

{{- /* The broker, on each port that its address names. */ -}}
{{- define "receivables.egressToBroker" -}}
{{- $labels := dict "strimzi.io/cluster" "receivables" "strimzi.io/kind" "Kafka" }}
{{- $strimzi := list (dict "podSelector" (dict "matchLabels" $labels)) }}
{{- $peers := .Values.kafka.peers | default (.Values.strimzi.enabled | ternary $strimzi list) }}
{{- $ports := list }}
{{- range include "receivables.bootstrap" . | splitList "," }}
{{- $ports = append $ports (dict "port" (splitList ":" . | last | trim)) }}
{{- end }}
{{- include "receivables.egress" (list $peers ($ports | uniq)) }}
{{- end }}

{{- /* The services that each calls (services/chassis/callers.py). */ -}}
{{- define "receivables.calls" -}}
notifications: [invoicing, disputes, ledger]
portal: [credit, invoicing, ledger, disputes, notifications]
{{- end }}

{{- /* What is spoken to the pages: TLS ends in the pod, or before it. */ -}}
{{- define "receivables.pagesProtocol" -}}
{{- eq (toString .Values.services.portal.settings.AR_HTTP_TLS) "on" | ternary "https" "http" -}}
{{- end }}

{{- /* The topics that each service follows (their stream.py); who is not here knows no broker. */ -}}
{{- define "receivables.follows" -}}
credit: [invoicing, ledger, notifications, orders]
invoicing: [credit, disputes, orders]
ledger: [credit, disputes, invoicing]
disputes: [invoicing, ledger, notifications, orders]
notifications: [credit, disputes, invoicing, ledger, orders]
{{- end }}
