"""Settings: how the members of a suite become evidence. One file a setting."""

from theory.settings.registry import Evidence, Setting, find_setting, register, settings

__all__ = ["Evidence", "Setting", "find_setting", "register", "settings"]
