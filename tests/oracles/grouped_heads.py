"""Left-out heads of samples that come in a few kinds, one head a kind, in plain Python numbers:
floats or mpmath's.
"""

from __future__ import annotations


def grouped_runs(kinds, batches, rate, momentum, *, ahead=False, exp):
    """Yield, a step, the heads [on S, then without one of each kind] and the coefficients of one
    sample of each kind.

    kinds: vectors z; batches: a list a step, of the number of each kind in it (none, or all of the
    kind). ahead=False heavy balls, True Nesterov's, as in torch.
    """
    d, zero = len(kinds[0]), 0 * rate
    runs = range(1 + len(kinds))
    heads = [[zero] * d for _ in runs]
    speed = [[zero] * d for _ in runs]
    coefficients, moved = [zero] * len(kinds), [zero] * len(kinds)
    for batch in batches:
        size = sum(batch)
        for run in runs:
            gradient, own = [zero] * d, [zero] * len(kinds)
            for g, z in enumerate(kinds):
                present = batch[g] - (run == 1 + g and batch[g] > 0)
                p = 1 / (1 + exp(sum(a * b for a, b in zip(z, heads[run], strict=True))))
                own[g] = p / size if batch[g] else zero
                gradient = [v + present * p / size * c for v, c in zip(gradient, z, strict=True)]
            speed[run] = [momentum * v + g for v, g in zip(speed[run], gradient, strict=True)]
            move = (
                [g + momentum * v for g, v in zip(gradient, speed[run], strict=True)]
                if ahead
                else speed[run]
            )
            heads[run] = [w + rate * v for w, v in zip(heads[run], move, strict=True)]
            if run == 0:
                moved = [momentum * v + p for v, p in zip(moved, own, strict=True)]
                used = (
                    [p + momentum * v for p, v in zip(own, moved, strict=True)] if ahead else moved
                )
                coefficients = [c + rate * v for c, v in zip(coefficients, used, strict=True)]
        yield [list(head) for head in heads], list(coefficients)


def summed_instability(heads, numbers, *, sqrt):
    """Σ_i ‖ŵ_S − ŵ_{S^i}‖ over all samples; the heads are in the order of `grouped_runs`."""
    units = []
    for head in heads:
        norm = sqrt(sum(c * c for c in head))
        units.append([c / norm for c in head])
    total = 0
    for number, unit in zip(numbers, units[1:], strict=True):
        total += number * sqrt(sum((a - b) ** 2 for a, b in zip(unit, units[0], strict=True)))
    return total
