"""``rootwatch rules``: what a detection engineer does with rules, a module per command."""

from streams.commands.rules.group import rules

__all__ = ["rules"]
