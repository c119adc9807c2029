{{/* What every pod has before its containers. Of a list: the root, the service account's name. */}}
{{- define "rootwatch.podStart" -}}
{{- $root := index . 0 -}}
serviceAccountName: {{ index . 1 }}
automountServiceAccountToken: false
enableServiceLinks: false  # Kubernetes' ROOTWATCH_PORT, made from the Service's name, is no setting of ours
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $root.Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- toYaml $root.Values.podSecurityContext | nindent 2 }}
{{- end -}}

{{/* What every container has. Of a list: the root, its resources. */}}
{{- define "rootwatch.containerStart" -}}
{{- $root := index . 0 -}}
image: {{ include "rootwatch.image" $root | quote }}
imagePullPolicy: {{ $root.Values.image.pullPolicy }}
resources: {{- toYaml (index . 1) | nindent 2 }}
securityContext: {{- toYaml $root.Values.securityContext | nindent 2 }}
{{- end -}}

{{/* The variables of every container. */}}
{{- define "rootwatch.env" -}}
{{- with .Values.settings.log_format }}
- {name: ROOTWATCH_LOG_FORMAT, value: {{ . }}}  # the image sets this variable, which would win over the file
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The mounts of every container. Of a list: the root, files beside those of the values. */}}
{{- define "rootwatch.mounts" -}}
{{- $root := index . 0 -}}
- {name: config, mountPath: /etc/rootwatch, readOnly: true}
{{- if or $root.Values.files (index . 1) }}
- {name: secrets, mountPath: /run/secrets/rootwatch, readOnly: true}
{{- end }}
- {name: tmp, mountPath: /tmp}
{{- with $root.Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The volumes of every pod. Of a list: the root, the ConfigMap's name, files that win over those of the values. */}}
{{- define "rootwatch.volumes" -}}
{{- $root := index . 0 -}}
- name: config
  projected:
    sources:
      - configMap: {name: {{ index . 1 }}}
      {{- if $root.Values.rules }}
      - configMap:
          name: {{ include "rootwatch.fullname" $root }}-rules
          items:
            {{- range $name := keys $root.Values.rules | sortAlpha }}
            - {key: {{ $name }}, path: rules/{{ $name }}}
            {{- end }}
      {{- end }}
{{- with include "rootwatch.merged" (list $root.Values.files (index . 2)) | fromJson }}
- name: secrets
  projected:
    defaultMode: 288  # 0440: the group is fsGroup
    sources:
      {{- range $setting, $from := . }}
      {{- if $from.configMap }}
      - configMap: {name: {{ $from.configMap }}, items: [{key: {{ $from.key }}, path: {{ $setting }}}]}
      {{- else }}
      - secret: {name: {{ $from.secret }}, items: [{key: {{ $from.key }}, path: {{ $setting }}}]}
      {{- end }}
      {{- end }}
{{- end }}
- name: tmp
  emptyDir: {medium: Memory, sizeLimit: 64Mi}
{{- with $root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
