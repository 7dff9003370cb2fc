"""Registries as a test leaves them: what it adds is gone after it."""


def keep(monkeypatch, registry):
    """What is registered during the test is forgotten afterwards."""
    registry.known()  # else the files that fill it during the test would be forgotten too
    for part in ("_entries", "_owners"):
        monkeypatch.setattr(registry, part, dict(getattr(registry, part)))


def clear(monkeypatch, registry):
    """The registry is empty for the test, but for what the test adds."""
    registry.known()  # else the files would fill it later
    for part in ("_entries", "_owners"):
        monkeypatch.setattr(registry, part, {})
