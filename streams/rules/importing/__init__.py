"""New-terms rules of Elastic, as TOML or as Kibana exports them, become rule files (U12)."""
