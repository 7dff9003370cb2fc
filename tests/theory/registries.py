"""Registries as a test leaves them: what it adds is gone after it."""


def keep(monkeypatch, module):
    """What is registered in the module during the test is forgotten afterwards."""
    for part in ("_entries", "_owners"):
        monkeypatch.setattr(module._registry, part, dict(getattr(module._registry, part)))


def clear(monkeypatch, module):
    """The module's registry is empty for the test, but for what the test adds."""
    module._registry.known()  # else the files would fill it later
    for part in ("_entries", "_owners"):
        monkeypatch.setattr(module._registry, part, {})
