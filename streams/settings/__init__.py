"""Settings: one frozen ``Settings`` with every name, unit and default, and ``load``, which reads it."""

from __future__ import annotations

from streams.settings.loading import load
from streams.settings.model import Settings
from streams.settings.setting_files import SettingsError

__all__ = ["Settings", "SettingsError", "load"]
