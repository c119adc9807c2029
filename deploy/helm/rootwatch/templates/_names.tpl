{{- define "rootwatch.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of everything: short enough for a StatefulSet's pods and for what is appended. */}}
{{- define "rootwatch.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 43 | trimSuffix "-" -}}
{{- else if contains (include "rootwatch.name" .) .Release.Name -}}
{{- .Release.Name | trunc 43 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "rootwatch.name" .) | trunc 43 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects; never changes, because a StatefulSet's selector cannot. */}}
{{- define "rootwatch.selectorLabels" -}}
app.kubernetes.io/name: {{ include "rootwatch.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "rootwatch.labels" -}}
{{ include "rootwatch.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "rootwatch.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "rootwatch.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "rootwatch.image" -}}
{{- $repository := required "image.repository is empty: say where you pushed the image, such as registry.example.com/rootwatch" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" $repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "rootwatch.httpPort" -}}
{{- .Values.settings.http_port | default 6066 | int -}}
{{- end -}}
