"""Upper bounds beside what a simplex attains: how much of the constants is left to gain.

`python -m tunebound.theory.head.sharpness` prints the table of docs/head-tuning.md.
"""

from __future__ import annotations

from tunebound.bounds import head
from tunebound.theory.engine.generated import markdown
from tunebound.theory.engine.presentation import Table

SAMPLES = (2, 3, 5, 10, 30, 100)
RATIOS = (1.1, 1.5, 2.0, 5.0, 10.0, 30.0)
TITLE = "Upper bounds against what a simplex attains"
NOTE = (
    "L(n, B/γ) is the instability of every sample of a regular simplex, at every step from zero and"
    " in the limit. In brackets: the bound over it. No bound from n, B and γ alone can be below 1."
)


def upper_against_lower() -> Table:
    """H-limit and H-anytime over the instability that a simplex attains, for several n and B/γ."""
    rows = []
    for n in SAMPLES:
        for ratio in RATIOS:
            attained = float(head.simplex(n=n, margin=1.0, radius=ratio))
            limit = float(head.limit(n=n, margin=1.0, radius=ratio))
            anytime = float(head.anytime(n=n, margin=1.0, radius=ratio))
            rows.append(
                (
                    str(n),
                    f"{ratio:g}",
                    f"{attained:.4f}",
                    f"{limit:.4f} ({limit / attained:.3f})",
                    f"{anytime:.4f} ({anytime / attained:.3f})",
                )
            )
    return Table(
        title=TITLE,
        note=NOTE,
        columns=("n", "B/γ", "L(n, B/γ)", "H-limit", "H-anytime"),
        rows=tuple(rows),
    )


if __name__ == "__main__":
    table = upper_against_lower()
    print(markdown(table.columns, table.rows))
