"""Docstrings as pages of the site: their names, their citations and their formulas."""

import re
import sys
from pathlib import Path

from citations import Bibliography
from sphinx.domains.python import PyXRefRole

BIBLIOGRAPHY = Bibliography(Path(__file__).with_name("bibliography.md").read_text(encoding="utf-8"))


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.add_role_to_domain("py", "obj", Known(), override=True)
    app.connect("autodoc-process-docstring", _spell, priority=900)  # after numpydoc
    app.connect("autodoc-skip-member", _leave_out)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


class Known(PyXRefRole):
    """`bounds.max_margin` is found although its whole name is longer."""

    def process_link(self, env, refnode, has_explicit_title, title, target):
        title, target = super().process_link(env, refnode, has_explicit_title, title, target)
        if "." in target:
            refnode["refspecific"] = True
        return title, target


def _spell(app, what, name, obj, options, lines):
    """|w| is a norm in a docstring, to the builder a substitution; $w$ is a formula; a citation
    leads to the bibliography.
    """
    text = "\n".join(lines).replace("|", r"\|")
    text = BIBLIOGRAPHY.link(text, lambda words, anchor: f":ref:`{words} <{anchor}>`")
    lines[:] = re.sub(r"\$([^$]+)\$", r":math:`\1`", text).split("\n")
    if what == "function" and "\nParameters\n" in (sys.modules[obj.__module__].__doc__ or ""):
        face = name.rpartition(".")[0]
        lines += ["", f"Parameters and errors that functions share: :py:mod:`{face}`.", ""]


def _leave_out(app, what, name, obj, skip, options):
    """What scikit-learn gives its estimators is documented there."""
    return skip or (name.startswith("set_") and name.endswith("_request"))
