"""Progress bars of computations, shown or not."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def bars(*, shown: bool) -> Iterator[None]:
    """Let computations show their bars, or have them see no terminal, which their bars need; what
    else they say to standard error comes at the end then.
    """
    if shown:
        yield
        return
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            yield
    finally:
        sys.stderr.write(said.getvalue())
