"""Step sizes, records, units and refusals of the log-time flow against plain loops over numbers."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tunebound.tuning import flow_records
from tunebound.tuning.heads.flow import follow, modified
from tunebound.tuning.heads.flow import path as flow_path
from tunebound.tuning.heads.run import HeadRun

F64 = torch.float64


def test_a_correction_is_left_out_head_by_head_up_to_the_limit():
    u = torch.tensor([[0.0, math.log(4.0), 0.0], [0.0, math.log(50.0), 0.0]], dtype=F64)
    W = torch.tensor([[[1.0, 0.0]] * 3, [[3.0, 4.0]] * 3], dtype=F64)
    bend = torch.tensor(
        [
            # exactly at the limit, above it, far above
            [[2e-11, 0.0], [0.0, 8.1e-11], [3.0, 4.0]],
            # below and above it for a head of norm 5; far below
            [[9.9e-11, 0.0], [0.0, 5.1e-9], [1e-20, 2e-20]],
        ],
        dtype=F64,
    )
    missed = torch.tensor(np.random.default_rng(0).normal(size=(2, 3, 2)))
    keeps = [[False, True, True], [False, True, False]]
    share = torch.linalg.vector_norm(bend, dim=-1) / torch.linalg.vector_norm(W, dim=-1)
    kept, left_out = modified.correction(u, share, bend, missed)
    assert kept.shape == (2, 3, 1)
    for batch in range(2):
        for head in range(3):
            half = 1 / (2 * math.exp(float(u[batch, head])))
            expected = missed[batch, head] * half**2 / 3
            if not keeps[batch][head]:
                expected = expected - bend[batch, head] * half
            assert float(kept[batch, head]) == pytest.approx(
                half if keeps[batch][head] else 0.0, rel=1e-14, abs=0.0
            )
            np.testing.assert_allclose(left_out[batch, head], expected, rtol=1e-13)


SIZES = (2.0, 3.0, 5.0, 7.0)  # of the heads' states, in the toy below


class Toy:
    """Heads that move by h times their number plus one; steps whose errors a function gives."""

    def __init__(self, errors, heads, batch, n=4, divided=False, seen=None):
        self.Z = torch.zeros(batch, n, 2, dtype=F64)
        self.numbers = torch.arange(heads, dtype=F64).repeat(batch, 1)
        self.sets = torch.arange(batch, dtype=F64)
        self.errors, self.divided = errors, divided
        self.seen = [] if seen is None else seen

    def _like(self, numbers, sets):
        other = Toy(self.errors, 1, len(sets), self.Z.shape[1], self.divided, self.seen)
        other.numbers, other.sets = numbers, sets
        return other

    def of_heads(self, chosen):
        return self._like(self.numbers[:, chosen], self.sets)

    def subset(self, chosen):
        return self._like(self.numbers[chosen], self.sets[chosen])

    def drift_boundary(self, u, W):
        assert u.shape == (len(W), 1)
        return torch.sin(u) * W[:, 0, :1] * torch.arange(1.0, 5.0, dtype=F64)

    def linearise(self, u, W, workspace):
        assert workspace.shape == (3, W.numel() * W.shape[-1])
        workspace.fill_(1.0)  # memory that is there
        self.seen.append((self.sets.tolist(), self.numbers[0].tolist()))
        return self


def ways(u, h, number, which):
    """Step of one toy head: movement, error, what it leaves out, and whether it was solved."""
    return h * (number + 1), h * math.cos(3 * u + number + which), h**2 * (number + 2)


def toy_step(here, u, W, h):
    shape = u.shape
    y, error, left_out = W.clone(), torch.zeros_like(W), torch.zeros_like(W)
    solved = torch.ones(shape, dtype=torch.bool)
    for b in range(shape[0]):
        for k in range(shape[1]):
            number, which = float(here.numbers[b, k]), float(here.sets[b])
            moved, _, out = ways(float(u[b, k]), float(h[b, k]), number, which)
            ratio, ok = here.errors(float(u[b, k]), float(h[b, k]), number, which)
            y[b, k, 0] += moved
            error[b, k, 1] = ratio * TOLERANCE * float(torch.linalg.vector_norm(y[b, k]))
            left_out[b, k] = out * torch.tensor([0.6, 0.8], dtype=F64)
            solved[b, k] = ok
    integral = h[:, :1] * torch.arange(1.0, 5.0, dtype=F64)
    return flow_path.rosenbrock.Step(y, error, integral, left_out, solved)


TOLERANCE = 1e-3


def one_head(errors, begin, marks, start, number, which):
    """The same by a loop over the numbers of one head."""
    u, h, w, admitted = begin, 0.1, start.copy(), None
    error = left_out = integral = 0.0
    tried = 0
    for until in marks:
        while u < until:
            tried += 1
            rest = until - u
            wish, h = h, rest if h >= rest else min(h, rest / 2)
            ratio, ok = errors(u, h, number, which)
            moved, _, out = ways(u, h, number, which)
            ratio = ratio if ok and math.isfinite(ratio) else math.inf
            root = max(ratio, 1e-12) ** -0.2
            trend = 1.0
            if ratio <= 1:
                if admitted is not None:
                    trend = min(h * root / admitted, 1.2)
                admitted = h * root
            factor = min(max(0.9 * root * trend, 0.2), 4.0)
            if ratio <= 1:
                after = w + np.array([moved, 0.0])
                error += ratio * TOLERANCE * np.linalg.norm(after)
                w, integral, left_out = after, integral + h, left_out + out
                u = until if h == rest else u + h
                following = h * factor
                h = max(following, wish) if h < wish else following
            else:
                h = h * factor
    return u, h, w, error, left_out, integral, tried


def growing(u, h, number, which):
    # beyond a size of step that every head has of its own; from time to time unsolved or NaN
    limit = 0.05 * (1 + number + which) * (1.2 + math.cos(5 * u))
    if h > 8 * limit:
        return math.nan, True
    if h > 4 * limit:
        return 0.1, False
    return (h / limit) ** 5, True


def exact(u, h, number, which):
    return 0.0, True


@pytest.mark.parametrize("errors", [growing, exact])
@pytest.mark.parametrize(("batch", "divided"), [(1, False), (1, True), (3, False)])
@pytest.mark.parametrize("together", [1, 32])
def test_steps_are_those_of_a_loop_over_every_head(monkeypatch, errors, batch, divided, together):
    monkeypatch.setattr(flow_path.rosenbrock, "step", toy_step)
    monkeypatch.setattr(flow_path, "TOGETHER", together)
    heads, begin, marks = 4, torch.tensor([0.5, 0.9, 0.7], dtype=F64)[:batch], (1.3, 1.45, 9.0)
    start = torch.tensor(np.random.default_rng(1).normal(size=(batch, heads, 2)))
    field = Toy(errors, heads, batch, divided=divided)
    path = flow_path.FlowPath(field, begin, start.clone(), TOLERANCE)
    passages = list(path.passages(marks))
    assert (path.u == marks[-1]).all()
    needed = np.zeros((batch, heads), dtype=int)  # steps
    for b in range(batch):
        for k in range(heads):
            for until, passage in enumerate(passages):
                u, h, w, error, left_out, integral, tried = one_head(
                    errors, float(begin[b]), marks[: until + 1], start[b, k].numpy(), k, b
                )
                assert u == marks[until]
                np.testing.assert_allclose(passage.W[b, k], w, rtol=1e-10)
                assert float(passage.error[b, k]) == pytest.approx(error, rel=1e-10, abs=0.0)
                assert float(passage.left_out[b, k]) == pytest.approx(left_out, rel=1e-10)
                if k == 0:
                    samples = np.arange(1.0, 5.0)
                    turned = np.sin(u) * w[0] - np.sin(float(begin[b])) * float(start[b, 0, 0])
                    np.testing.assert_allclose(
                        passage.drift[b], (integral + turned) * samples, rtol=1e-9, atol=1e-12
                    )
            assert float(path.h[b, k]) == pytest.approx(h, rel=1e-10)
            np.testing.assert_allclose(path.W[b, k], w, rtol=1e-10)
            needed[b, k] = tried
    # a step of all for every step of the slowest head, unless heads wait for each other
    assert path.steps == len(field.seen) >= needed.max()
    if together > 1:
        assert path.steps == needed.max()
        # what has arrived is evaluated no more: data sets, or the heads of one in several blocks
        for b in range(batch):
            assert sum(b in sets for sets, _ in field.seen) == needed[b].max()
        for k in range(1, heads):
            evaluated = sum(k in numbers for _, numbers in field.seen)
            assert evaluated == (needed[0, k] if divided else needed.max())


def test_only_what_is_behind_is_evaluated():
    def part_of(batch, divided, behind):
        heads = len(behind[0])
        field = Toy(exact, heads, batch, divided=divided)
        zero = torch.zeros(batch, dtype=F64)
        path = flow_path.FlowPath(field, zero, torch.ones(batch, heads, 2, dtype=F64), TOLERANCE)
        chosen, where = path._part(torch.tensor(behind))
        return chosen is field, chosen.sets.tolist(), chosen.numbers[0].tolist(), where

    everything = slice(None)
    # one set of several blocks: head 0 goes along, and all heads only where all others are behind
    whole, sets, heads, where = part_of(1, True, [[False, True, True]])
    assert (whole, sets, heads, where) == (True, [0], [0, 1, 2], (everything, everything))
    for behind in ([False, False, True], [True, False, True]):
        whole, sets, heads, where = part_of(1, True, [behind])
        assert (whole, sets, heads) == (False, [0], [0, 2])
        assert where[0] == everything
        assert where[1].tolist() == [0, 2]
    # sets that are whole, alone or together
    whole, _, heads, where = part_of(1, False, [[False, False, True]])
    assert (whole, heads, where) == (True, [0, 1, 2], (everything, everything))
    for divided in (False, True):
        whole, sets, heads, where = part_of(
            3, divided, [[False, True], [False, False], [True, False]]
        )
        assert (whole, sets, heads) == (False, [0, 2], [0, 1])
        assert where[0].tolist() == [0, 2]
        assert where[1] == everything


def test_heads_that_do_not_arrive_are_reported(monkeypatch):
    monkeypatch.setattr(flow_path.rosenbrock, "step", toy_step)
    monkeypatch.setattr(flow_path, "TRIES", 7)
    path = flow_path.FlowPath(
        Toy(lambda *given: (1.0, True), 2, 1),
        torch.zeros(1, dtype=F64),
        torch.ones(1, 2, 2, dtype=F64),
        TOLERANCE,
    )
    with pytest.raises(FloatingPointError) as told:
        list(path.passages([0.25, math.log(1e4)]))
    assert str(told.value) == (
        "the heads do not get to t = 1e+04 in 7 steps of the solver: either the data are not"
        " linearly separable, so that the heads converge and have no direction to follow, or their"
        " margin is lost in rounding, or tolerance=0.001 is below it; look at max_margin(X, y), or"
        " raise tolerance"
    )
    assert path.steps == 3 + 7, "the three to the time before are not counted"


@pytest.mark.parametrize(("until", "steps"), [(0.1, 1), (np.nextafter(0.1, 1), 2)])
def test_a_step_that_leads_to_the_end_exactly_is_one_step(monkeypatch, until, steps):
    monkeypatch.setattr(Toy, "drift_boundary", lambda field, u, W: torch.zeros_like(u))
    field = Toy(lambda *given: (0.5, True), 1, 1)
    field.Z = torch.zeros(1, 4, 1, dtype=F64)  # samples and heads of one number
    start = torch.ones(1, 1, 1, dtype=F64)
    monkeypatch.setattr(flow_path.rosenbrock, "step", standing)
    path = flow_path.FlowPath(field, torch.zeros(1, dtype=F64), start, TOLERANCE)
    (passage,) = path.passages([until])
    assert path.steps == steps
    assert torch.equal(passage.drift, path.integral)
    assert float(path.integral[0, 3]) == pytest.approx(until)


def test_times_that_are_one_after_rounding_are_passed_together(monkeypatch):
    monkeypatch.setattr(flow_path.rosenbrock, "step", toy_step)
    field = Toy(exact, 2, 1)
    path = flow_path.FlowPath(
        field, torch.zeros(1, dtype=F64), torch.ones(1, 2, 2, dtype=F64), TOLERANCE
    )
    first, second, third = path.passages([0.1, 0.1, 0.2])
    assert path.steps == 2
    assert torch.equal(first.W, second.W)
    assert torch.equal(first.drift, second.drift)
    assert (third.W[..., 0] > second.W[..., 0]).all()


def standing(here, u, W, h):
    none = torch.zeros_like(W)
    return flow_path.rosenbrock.Step(W, none, h.expand(1, 4), none, torch.ones_like(u).bool())


def test_records_are_eight_a_decade_then_one_then_one_in_five():
    def dense(last):
        steps, k = [], 0
        while round(10 ** (k / 8)) < last:
            steps.append(round(10 ** (k / 8)))
            k += 1
        return steps

    to_1e4 = [*dense(10_000), 10_000]
    decades = [1e5, 1e6, 1e7, 1e8, 1e9]
    for last, beyond in [
        (9_999, None),
        (10_000, []),
        (10_001, []),
        (100_000, []),
        (100_001, [1e5]),
        (10**10, decades),
        (10**10 + 1, [*decades, 1e10]),
        (1e15, [*decades, 1e10]),
        (1.1e15, [*decades, 1e10, 1e15]),
        (1e30, [*decades, 1e10, 1e15, 1e20, 1e25]),
        (1e32, [*decades, 1e10, 1e15, 1e20, 1e25, 1e30]),
    ]:
        known = dense(last) if beyond is None else [*to_1e4, *beyond]
        found = flow_records(last)
        assert found.dtype == np.float64
        assert found.tolist() == sorted({*map(float, known), float(last)}), last
    assert flow_records(1e6, np.array([20.0, 3.0, 20.0])).tolist() == [3.0, 20.0, 1e6]
    assert flow_records(30, [30]).tolist() == [30.0]


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        (
            (30, [7, 31, 1e3]),
            ValueError,
            "record asks for step 1000, but until is 30; raise until or drop it",
        ),
        (
            (30, [0]),
            ValueError,
            "record must be a whole number of steps, at least 1 and at most 1e+290, got 0",
        ),
        (
            (30, [1e291]),
            ValueError,
            "record must be a whole number of steps, at least 1 and at most 1e+290, got 1e+291",
        ),
        ((30, 7), TypeError, "record must be a sequence of numbers of steps, got 7; pass a list"),
        (
            (0.5,),
            ValueError,
            "until must be a whole number of steps, at least 1 and at most 1e+290, got 0.5",
        ),
        ((30, "all"), ValueError, "record must be one of 'log', got 'all'"),
    ],
)
def test_records_that_cannot_be_are_refused(given, kind, message):
    with pytest.raises(kind) as told:
        flow_records(*given)
    assert str(told.value) == message


def run_of(batch, seed, **changes):
    """A run of made-up numbers: 2 records, 3 samples, 2 features."""
    rng = np.random.default_rng(seed)
    made = {
        "steps": np.array([1.0, 1e6]),
        "direction_distance": rng.normal(size=(2, batch, 3)),
        "distance": rng.normal(size=(2, batch, 3)),
        "certificate": rng.normal(size=(2, batch, 3)),
        "margin": rng.normal(size=(2, batch, 4)),
        "norm": rng.normal(size=(2, batch, 4)),
        "path": rng.normal(size=(2, batch, 2)),
        "direction_error": rng.normal(size=(2, batch, 4)),
        "weights": rng.normal(size=(batch, 4, 2)),
        "resolution": rng.normal(size=(2, batch)),
        "learning_rate": rng.normal(size=batch) ** 2,
        "weighting": "1/n",
    }
    return HeadRun(**{**made, **changes})


ALONG = ("direction_distance", "distance", "certificate", "margin", "norm", "path", "resolution")


@pytest.mark.parametrize("with_error", [True, False])
def test_runs_of_groups_are_put_together_in_the_order_of_the_sets(with_error):
    change = {} if with_error else {"direction_error": None}
    groups = [
        (np.array([3, 0]), run_of(2, 1, **change)),
        (np.array([2]), run_of(1, 2, **change)),
        (np.array([4, 1]), run_of(2, 3, **change)),
    ]
    merged = follow._merged(groups)
    assert (merged.direction_error is not None) is with_error
    for members, run in groups:
        for place, member in enumerate(members):
            for name in (*ALONG, "direction_error") if with_error else ALONG:
                known = getattr(run, name)[:, place]
                np.testing.assert_array_equal(getattr(merged, name)[:, member], known)
            np.testing.assert_array_equal(merged.weights[member], run.weights[place])
            assert merged.learning_rate[member] == run.learning_rate[place]
    assert merged.weights.shape == (5, 4, 2)
    assert merged.weighting == "1/n"
    assert follow._merged(groups[:1]) is groups[0][1]


def test_units_of_every_measure():
    run, rates = run_of(2, 4), np.array([0.3, 0.7])
    exponents = np.array([3, -2])
    found = follow._in_units(run, exponents, rates)
    for b, scale in enumerate((8.0, 0.25)):
        for name in ("distance", "certificate", "norm", "path"):
            known = getattr(run, name)[:, b] / scale
            np.testing.assert_array_equal(getattr(found, name)[:, b], known)
        np.testing.assert_array_equal(found.margin[:, b], run.margin[:, b] * scale)
        np.testing.assert_array_equal(found.weights[b], run.weights[b] / scale)
        for name in ("direction_distance", "direction_error", "resolution"):
            np.testing.assert_array_equal(getattr(found, name)[:, b], getattr(run, name)[:, b])
    assert found.learning_rate is rates


def late_run(steps, rate, margins, d):
    batch = len(margins)
    return SimpleNamespace(
        steps=np.array([1.0, 2.0, steps]),
        margin=np.array(
            [*[[[-1.0, -1.0]] * batch] * 2, [[margin, -1.0] for margin in margins]]
        ),  # of head 0 at the end alone
        learning_rate=np.full(batch, rate),
        path=np.zeros((3, batch, d)),
    )


@pytest.mark.parametrize("classes", [None, 2, 4])
@pytest.mark.parametrize("far", [0.0, 1e10])
def test_when_a_misclassified_sample_tells_that_there_is_no_separator(classes, far):
    n, d, rate = 5, 2, 0.25
    features = np.stack([np.ones((n, d)), np.ones((n, d)), np.arange(2.0 * n).reshape(n, d)])
    radius = math.hypot(8.0, 9.0)
    start = np.zeros((3, d) if classes is None else (3, classes, d))
    start[2].flat[:2] = [0.6 * far, 0.8 * far]
    rivals = 1 if classes is None else classes - 1

    def share(t):
        reach = 2 * far + math.sqrt(0.56 * rivals * rate * t)
        return 2 * n**2 * reach / (rate * t) / radius + 2 * n / math.sqrt(t)

    low, high = 1.0, 1e60  # where the share is 1e-10
    for _ in range(300):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if share(middle) > 1e-10 else (low, middle)
    members, width = np.array([0, 2]), start[0].size

    def ask(t, margin):
        run = late_run(t, rate, [0.1, margin], width)
        follow._refuse_inseparable(run, features, start, members)

    ask(0.999 * low, -0.1)
    ask(1.001 * low, 1e-300)
    for margin in (-0.1, 0.0):
        with pytest.raises(FloatingPointError) as told:
            ask(1.001 * low, margin)
        assert str(told.value) == (
            f"X, y: after {1.001 * low:g} steps a sample of data set 2 is still misclassified. It"
            " is not linearly separable, or its margin is below 1e-10 of its radius, which float64"
            " does not resolve: look at max_margin(X, y)"
        )
