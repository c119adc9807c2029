"""Settings that contradict each other, each of which is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.settings.model import Settings


def contradictions(settings: Settings) -> Iterator[str]:
    """Give a line per contradiction between settings, each of which is allowed; it starts with their names."""
    if settings.rule is not None and "rules" in settings.model_fields_set:
        yield "rule, rules: only one of the two may be set"
    if bool(settings.ssl_cert) != bool(settings.ssl_key):
        yield "ssl_cert, ssl_key: a client's certificate and its key go together; only one is set"
    if "SSL" not in settings.security_protocol:
        needs = f"needs security_protocol SSL or SASL_SSL, not {settings.security_protocol}"
        if settings.ssl_cert:
            yield f"ssl_cert: {needs}"
        if settings.ssl_ca and not (settings.schema_registry_url or "").startswith("https"):
            yield f"ssl_ca: {needs}, or a registry over https"
    if settings.security_protocol.startswith("SASL") or settings.sasl_mechanism:
        yield from _of_sasl(settings)


def _of_sasl(settings: Settings) -> Iterator[str]:
    protocol, mechanism = settings.security_protocol, settings.sasl_mechanism
    if mechanism is None:
        yield f"sasl_mechanism: must be set with security_protocol {protocol}"
    elif not protocol.startswith("SASL"):
        yield f"sasl_mechanism: needs security_protocol SASL_SSL or SASL_PLAINTEXT, not {protocol}"
    elif mechanism == "AWS_MSK_IAM":
        if protocol != "SASL_SSL":
            yield f"sasl_mechanism: AWS_MSK_IAM needs security_protocol SASL_SSL, not {protocol}"
    else:
        if settings.sasl_password_file is None:
            yield f"sasl_password_file: must be set with sasl_mechanism {mechanism}"
        if settings.sasl_username is None and mechanism != "OAUTHBEARER":
            yield f"sasl_username: must be set with sasl_mechanism {mechanism}"
