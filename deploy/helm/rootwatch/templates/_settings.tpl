{{/* A value of a setting in TOML. A JSON string, and a list of such, is TOML; Helm's toToml would write 8 as 8.0. */}}
{{- define "rootwatch.tomlValue" -}}
{{- if kindIs "float64" . -}}
{{- if eq . (floor .) -}}{{ printf "%.0f" . }}{{- else -}}{{ toJson . }}{{- end -}}
{{- else -}}
{{- toJson . -}}
{{- end -}}
{{- end -}}

{{/* Two maps as one, as JSON: what the second holds wins, also if it is 0 or false (which sprig's merge passes over). */}}
{{- define "rootwatch.merged" -}}
{{- $all := dict -}}
{{- range . -}}{{- range $name, $value := . -}}{{- $_ := set $all $name $value -}}{{- end -}}{{- end -}}
{{- toJson $all -}}
{{- end -}}

{{/* rootwatch.toml. Of a list: the root, settings and files that win over those of the values. */}}
{{- define "rootwatch.toml" -}}
{{- $root := index . 0 -}}
{{- $files := include "rootwatch.merged" (list $root.Values.files (index . 2)) | fromJson -}}
{{- $settings := include "rootwatch.merged" (list (omit $root.Values.settings "rules") (index . 1)) | fromJson -}}
{{- include "rootwatch.validate" (list $settings $files) -}}
{{- range $name := keys $settings | sortAlpha -}}
{{- $value := get $settings $name -}}
{{- if and (ne $name "rule_settings") (not (kindIs "invalid" $value)) }}
{{ $name }} = {{ include "rootwatch.tomlValue" $value }}
{{- end -}}
{{- end -}}
{{- range $name := keys $files | sortAlpha }}
{{ $name }} = {{ include "rootwatch.tomlValue" (printf "/run/secrets/rootwatch/%s" $name) }}
{{- end -}}
{{- with include "rootwatch.ruleEntries" $root }}
rules = {{ . }}
{{- end -}}
{{- if $root.Values.exceptions }}
exceptions = "/etc/rootwatch/exceptions.toml"
{{- end -}}
{{- range $id, $table := $settings.rule_settings }}

[rule_settings.{{ toJson $id }}]
{{- range $name, $value := $table }}
{{ $name }} = {{ include "rootwatch.tomlValue" $value }}
{{- end -}}
{{- end }}
{{ end -}}

{{/* The setting `rules` as a JSON list; empty where neither settings nor values name a rule. */}}
{{- define "rootwatch.ruleEntries" -}}
{{- $named := .Values.settings.rules -}}
{{- if kindIs "string" $named -}}{{- $named = splitList "," $named -}}{{- end -}}
{{- if .Values.rules -}}
{{- if .Values.settings.rule -}}
{{- fail "settings.rule is set, and so are values under rules: name the former in the list settings.rules" -}}
{{- end -}}
{{- append (default (list "shipped:aws-sts-assume-root-rare-pair") $named) "/etc/rootwatch/rules" | toJson -}}
{{- else if $named -}}
{{- toJson $named -}}
{{- end -}}
{{- end -}}

{{/* What a worker would refuse at its start is refused here. Of a list: settings, files. */}}
{{- define "rootwatch.validate" -}}
{{- $settings := index . 0 -}}
{{- $files := index . 1 -}}
{{- if not $settings.bootstrap_servers -}}
{{- fail "settings.bootstrap_servers is empty: name the brokers, such as [\"kafka-0.kafka:9092\"]" -}}
{{- end -}}
{{- range $name, $_ := $files -}}
{{- if hasKey $settings $name -}}
{{- fail (printf "%s is set under settings and under files: remove one of them" $name) -}}
{{- end -}}
{{- end -}}
{{- $given := include "rootwatch.merged" (list $settings $files) | fromJson -}}
{{- $protocol := default "PLAINTEXT" $settings.security_protocol -}}
{{- $mechanism := default "" $settings.sasl_mechanism -}}
{{- if and (hasPrefix "SASL" $protocol) (not $mechanism) -}}
{{- fail (printf "settings.sasl_mechanism is not set, but security_protocol %s needs one" $protocol) -}}
{{- end -}}
{{- if and $mechanism (not (hasPrefix "SASL" $protocol)) -}}
{{- fail (printf "settings.sasl_mechanism %s needs security_protocol SASL_SSL or SASL_PLAINTEXT, not %s" $mechanism $protocol) -}}
{{- end -}}
{{- if and (eq $mechanism "AWS_MSK_IAM") (ne $protocol "SASL_SSL") -}}
{{- fail (printf "settings.sasl_mechanism AWS_MSK_IAM needs security_protocol SASL_SSL, not %s" $protocol) -}}
{{- end -}}
{{- if and $mechanism (ne $mechanism "AWS_MSK_IAM") (not $given.sasl_password_file) -}}
{{- fail (printf "files.sasl_password_file is not set, but sasl_mechanism %s needs a password: name a Secret and its key" $mechanism) -}}
{{- end -}}
{{- if and (has $mechanism (list "PLAIN" "SCRAM-SHA-256" "SCRAM-SHA-512")) (not $settings.sasl_username) -}}
{{- fail (printf "settings.sasl_username is not set, but sasl_mechanism %s needs one" $mechanism) -}}
{{- end -}}
{{- if ne (empty $given.ssl_cert) (empty $given.ssl_key) -}}
{{- fail "ssl_cert and ssl_key go together, but only one of them is set under files" -}}
{{- end -}}
{{- if and $given.ssl_cert (not (contains "SSL" $protocol)) -}}
{{- fail (printf "ssl_cert needs security_protocol SSL or SASL_SSL, not %s" $protocol) -}}
{{- end -}}
{{- end -}}
