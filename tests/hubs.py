"""A Hugging Face hub on this machine, which the client asks instead of the real one."""

from __future__ import annotations

import pytest


def ask_this_machine(monkeypatch, port):
    """Send the client to a port of this machine."""
    constants = pytest.importorskip("huggingface_hub").constants
    address = f"http://127.0.0.1:{port}"
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
