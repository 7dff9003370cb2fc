"""What holds for every package: what it may import, and that public names are documented."""

import importlib
import inspect
import re
import subprocess
import sys

import pytest

PACKAGES = ("synthetic", "bounds", "tuning", "theory")


def run_without(blocked, code):
    """Run code in a process in which importing any of the blocked packages fails."""
    guard = f"import sys\nfor name in {blocked!r}:\n    sys.modules[name] = None\n"
    done = subprocess.run(
        [sys.executable, "-c", guard + code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_lower_rooms_work_without_cvxpy():
    run_without(
        ["cvxpy", "clarabel", "PEPit"],
        "from tunebound import bounds, synthetic, tuning\n"
        "data = synthetic.make_separable(n=20, d=4)\n"
        "separator = bounds.max_margin(data.X, data.y)\n"
        "bounds.leave_one_out_margins(data.X, data.y)\n"
        "bounds.head.anytime(n=20, margin=separator.margin, radius=data.radius)\n"
        "tuning.tune_heads(data.X, data.y, steps=10)\n",
    )


def test_data_and_bounds_work_without_torch():
    run_without(
        ["torch", "sklearn", "pandas", "matplotlib"],
        "from tunebound import bounds, synthetic\ndata = synthetic.make_separable(n=20,"
        " d=4)\nbounds.max_margin(data.X, data.y)\n",
    )


def public():
    for package in PACKAGES:
        module = importlib.import_module(f"tunebound.{package}")
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.ismodule(value):
                for inner in getattr(value, "__all__", []):
                    yield f"{package}.{name}.{inner}", getattr(value, inner)
            else:
                yield f"{package}.{name}", value


@pytest.mark.parametrize(
    ("name", "value"), [pytest.param(name, value, id=name) for name, value in public()]
)
def test_public_names_document_their_parameters(name, value):
    if not (inspect.isfunction(value) or inspect.isclass(value)):
        return
    text = inspect.getdoc(value)
    assert text, f"{name} has no docstring"
    if not inspect.isfunction(value):
        return
    shared = parameters_section(inspect.getdoc(inspect.getmodule(value)))
    described = parameters_section(text) | shared
    for parameter in inspect.signature(value).parameters:
        mentioned = not shared and re.search(rf"\b{re.escape(parameter)}\b", text)
        assert parameter in described or mentioned, (
            f"{name} does not document {parameter}: do so under Parameters, there or, where several"
            f" functions share it, in the docstring of {value.__module__}"
        )


def parameters_section(text):
    """Names that the section "Parameters" of a docstring describes; none where it has none."""
    found = re.search(r"^Parameters\n-+\n(.*?)(?=\n\w[^\n]*\n-+\n|\Z)", text, re.M | re.S)
    if not found:
        return set()
    entries = re.findall(r"^(\S[^:\n]*?)(?: :|$)", found.group(1), re.M)
    return {part.strip().lstrip("*") for entry in entries for part in entry.split(",")}
