"""Which data sets the flow takes over when, and what it hands on, with descent and flow replaced by
numbers that are known.
"""

import numpy as np
import pytest
import torch

from tunebound.tuning import flow_heads, learning_rate_limits
from tunebound.tuning.heads.flow import follow
from tunebound.tuning.heads.run import HeadRun

N, D, TOLERANCE = 4, 2, 1e-3
SCALES = (3.0, 0.7, -40.0, 1.0, 0.02)  # of the largest entry of each data set
RECORD = [1, 500, 1000, 5000, 1e6]
LABELS = np.array([1, -1, 1, -1])


def data_sets(count=5):
    """Features whose largest entry, also below 0, stands anywhere in them."""
    X = np.random.default_rng(0).uniform(-0.5, 0.5, size=(count, N, D))
    for number, scale in enumerate(SCALES[:count]):
        X[number, number % N, number % D] = 0.9 * np.sign(scale)
        X[number] *= abs(scale)
    return X


def power(number):
    """Of 2, next above the largest entry of a data set."""
    return 2.0 ** (np.floor(np.log2(0.9 * abs(SCALES[number]))) + 1)


def made(numbers, records, classes, *, leave_one_out=True):
    """What the flow gives for data sets, in features of size one."""
    size, left_out = D if classes is None else D * classes, N if leave_one_out else 0

    def of(name, *shape):
        seed = len(name)
        return np.stack(
            [np.random.default_rng((seed, number)).uniform(1, 2, size=shape) for number in numbers]
        )

    along = {
        name: np.moveaxis(of(name, records, *shape), 0, 1)
        for name, shape in {
            "direction_distance": (left_out,),
            "distance": (left_out,),
            "certificate": (left_out,),
            "margin": (left_out + 1,),
            "norm": (left_out + 1,),
            "path": (size,),
            "direction_error": (left_out + 1,),
            "resolution": (),
        }.items()
    }
    return HeadRun(
        steps=np.array(RECORD[:records]),
        weights=of("weights", left_out + 1, size),
        learning_rate=np.ones(len(numbers)),
        weighting="1/n",
        **along,
    )


class Replaced:
    """Descent and flow; data set k is ready for the flow after `ready[k]` steps, exactly at the
    tolerance, and the flow keeps to it after `kept[k]`, exactly at ten tolerances.
    """

    def __init__(self, monkeypatch, X, ready, kept, classes):
        self.X, self.ready, self.kept, self.classes = X, ready, kept, classes
        self.descents, self.problems, self.follows, self.refused = [], [], [], []
        self.bars, self.devices = [], []
        monkeypatch.setattr(follow, "tune_heads", self.tune)
        monkeypatch.setattr(follow, "_refuse_inseparable", self.refuse)
        monkeypatch.setattr(follow, "tqdm", self.bar)
        monkeypatch.setattr(follow.arguments, "torch_device", self.device)
        outer = self

        class Problem:
            def __init__(self, *given, classes=None):
                outer.problems.append((*given, classes))
                self.numbers = outer.numbers_of(given[0])
                self.steps = given[3]

            of = of_classes = classmethod(lambda cls, *given, **named: cls(*given, **named))

            def left_out(self):
                return np.array(
                    [
                        TOLERANCE if self.steps >= outer.ready[k] else np.nextafter(TOLERANCE, 1)
                        for k in self.numbers
                    ]
                )

            def subset(self, chosen):
                part = object.__new__(Problem)
                part.numbers, part.steps = [self.numbers[c] for c in chosen], self.steps
                return part

            def follow(self, recorded, reference, accuracy, progress):
                outer.follows.append(
                    (self.numbers, recorded.tolist(), reference, accuracy, progress)
                )
                missed = np.array(
                    [
                        10 * TOLERANCE
                        if self.steps >= outer.kept[k]
                        else np.nextafter(10 * TOLERANCE, 1)
                        for k in self.numbers
                    ]
                )
                everyone = outer.descents[-1][2]["leave_one_out"]
                run = made(self.numbers, len(recorded), outer.classes, leave_one_out=everyone)
                return run, missed

        monkeypatch.setattr(follow, "FlowProblem", Problem)
        monkeypatch.setattr(follow, "ClassFlowProblem", Problem)

    def numbers_of(self, features):
        return [
            next(k for k in range(len(self.X)) if np.array_equal(x * power(k), self.X[k]))
            for x in features
        ]

    def tune(self, features, labels, **named):
        self.descents.append((features, labels, named))
        return named["steps"]

    def refuse(self, run, features, start, members):
        self.refused.append((run.weights.copy(), features, start, members.tolist()))

    def device(self, name, value):
        self.devices.append((name, value))
        return torch.device("cpu")

    def bar(self, **named):
        self.bars.append(named)

        class Bar:
            def __enter__(self):
                return "the bar"

            def __exit__(self, *what):
                return None

        return Bar()


@pytest.mark.parametrize("classes", [None, 3])
@pytest.mark.parametrize("weighting", ["1/n", "1/(n-1)"])
@pytest.mark.parametrize("directions", [False, True])
def test_data_sets_are_taken_over_when_they_are_ready(monkeypatch, classes, weighting, directions):
    X, rng = data_sets(), np.random.default_rng(1)
    y = np.stack([LABELS] * 5)
    y[1] *= -1
    shape = (5, D)
    if classes is not None:
        y = np.stack([np.roll([0, 1, 2, 0, 1, 2], k) for k in range(5)])
        X = np.concatenate([X, X[:, :2] / 2], axis=1)
        monkeypatch.setattr("tests.tuning.test_flow_groups.N", 6)
        shape = (5, classes, D)
    n = X.shape[1]
    reference = None
    if directions:
        flat = rng.normal(size=(5, n + 1, np.prod(shape[1:])))
        flat /= np.linalg.norm(flat, axis=-1, keepdims=True)
        reference = flat.reshape(5, n + 1, *shape[1:])
    init = rng.normal(size=shape)
    ready, kept = (1000, 1000, 4000, 1000, 16_000), (1000, 0, 4000, 4000, 0)
    seen = Replaced(monkeypatch, X, ready, kept, classes)
    run = flow_heads(
        X,
        y,
        until=1e6,
        record=RECORD,
        init=init,
        classes=classes,
        weighting=weighting,
        reference=reference,
        tolerance=TOLERANCE,
        device="cpu",
    )
    expected = [(1000, [0, 1, 2, 3, 4]), (4000, [2, 3, 4]), (16_000, [4])]
    assert [named["steps"] for _, _, named in seen.descents] == [steps for steps, _ in expected]
    limits = learning_rate_limits(X, weighting=weighting, classes=classes)
    for (steps, numbers), (features, labels, named), problem in zip(
        expected, seen.descents, seen.problems, strict=True
    ):
        assert seen.numbers_of(features) == numbers
        np.testing.assert_array_equal(labels, y[numbers])
        powers = np.array([power(k) for k in numbers])
        rates = limits[numbers] / 2 * powers**2
        starts = init[numbers] * powers.reshape(-1, *(1,) * (len(shape) - 1))
        np.testing.assert_array_equal(named["learning_rate"], rates)
        np.testing.assert_array_equal(named["init"], starts)
        if directions:
            np.testing.assert_array_equal(named["reference"], reference[numbers])
        else:
            assert named["reference"] is None
        assert named["leave_one_out"] is True
        assert (named["weighting"], named["classes"], named["device"]) == (
            weighting,
            classes,
            "cpu",
        )
        assert named["record"] == [t for t in RECORD if t <= steps]
        assert all(type(t) is int for t in named["record"])
        np.testing.assert_array_equal(problem[0], features)
        np.testing.assert_array_equal(problem[1], labels)
        np.testing.assert_array_equal(problem[2], starts)
        assert problem[3:] == (steps, torch.device("cpu"), classes)
    assert [numbers for numbers, *_ in seen.follows] == [[0, 1, 3], [2, 3], [4]]
    for numbers, recorded, given, accuracy, bar in seen.follows:
        assert (recorded, accuracy, bar) == (RECORD, TOLERANCE, "the bar")
        if directions:
            np.testing.assert_array_equal(given, flat[numbers])
        else:
            assert given is None
    assert [members for *_, members in seen.refused] == [[0, 1, 3], [2, 3], [4]]
    for weights, features, start, members in seen.refused:
        np.testing.assert_array_equal(weights, made(members, 5, classes).weights)
        assert seen.numbers_of(features) == [0, 1, 2, 3, 4]
        np.testing.assert_array_equal(start[4], init[4] * power(4))
    assert seen.devices == [("device", "cpu")]
    assert seen.bars == [
        {"total": 5, "desc": "following heads", "unit": "set", "delay": 2, "disable": None}
    ]
    np.testing.assert_array_equal(run.learning_rate, limits / 2)
    for number in range(5):
        known, scale = made([number], 5, classes), power(number)
        for name in ("distance", "certificate", "norm"):
            expected_values = getattr(known, name)[:, 0] / scale
            np.testing.assert_array_equal(getattr(run, name)[:, number], expected_values)
        np.testing.assert_array_equal(run.margin[:, number], known.margin[:, 0] * scale)
        for name in ("direction_distance", "direction_error", "resolution"):
            np.testing.assert_array_equal(getattr(run, name)[:, number], getattr(known, name)[:, 0])
        np.testing.assert_array_equal(
            run.path[:, number], known.path[:, 0].reshape(5, *shape[1:]) / scale
        )
        np.testing.assert_array_equal(
            run.weights[number], known.weights[0].reshape(n + 1, *shape[1:]) / scale
        )


@pytest.mark.parametrize(
    ("until", "steps"),
    [
        (60, [60]),
        (1000, [1000]),
        (1500, [1000, 1500]),
        (4000, [1000, 4000]),
        (300_000, [1000, 4000, 16_000, 64_000, 256_000, 300_000]),
    ],
)
def test_what_is_never_ready_is_descended_to_the_end(monkeypatch, until, steps):
    seen = Replaced(monkeypatch, data_sets(1), [np.inf], [0], None)
    run = flow_heads(data_sets(1)[0], LABELS, until=until, record=[until], tolerance=TOLERANCE)
    assert [named["steps"] for _, _, named in seen.descents] == steps
    assert run.weights.shape == (N + 1, D)
    assert run.learning_rate == learning_rate_limits(data_sets(1)[0]) / 2


@pytest.mark.parametrize("until", [300_001, 1e30])
def test_what_is_not_ready_after_so_many_steps_is_reported(monkeypatch, until):
    X = data_sets(3)
    Replaced(monkeypatch, X, [0, np.inf, np.inf], [0, 0, 0], None)
    with pytest.raises(FloatingPointError) as told:
        flow_heads(X, np.stack([LABELS] * 3), until=until, record=[until], tolerance=TOLERANCE)
    assert str(told.value) == (
        "X, y: after 256,000 steps of descent the heads of data set 1 still turn too fast to be"
        " followed to tolerance=0.001: init is far off; raise tolerance, or start from the weights"
        " of tune_heads with more steps"
    )


def test_what_is_ready_in_the_last_descent_needs_no_further_one(monkeypatch):
    seen = Replaced(monkeypatch, data_sets(1), [256_000], [0], None)
    flow_heads(data_sets(1), LABELS[None], until=1e6, record=[1e6], tolerance=TOLERANCE)
    assert len(seen.descents) == 5


@pytest.mark.parametrize("classes", [None, 2])
def test_a_class_of_one_sample_is_enough_where_none_is_left_out(monkeypatch, classes):
    X, y = data_sets(1)[0], np.array([1, -1, -1, -1])
    labels = y if classes is None else (y + 1) // 2
    shape = (D,) if classes is None else (classes, D)
    direction = np.ones(shape) / np.sqrt(np.prod(shape))
    common = {"until": 60, "classes": classes, "tolerance": TOLERANCE}
    for given in (None, direction[None]):
        seen = Replaced(monkeypatch, X[None], [0], [0], classes)
        run = flow_heads(X, labels, leave_one_out=False, reference=given, **common)
        ((_, _, named),) = seen.descents
        assert named["leave_one_out"] is False
        assert run.path.shape[1:] == shape
        assert run.weights.shape == (1, *shape)
        ((_, _, reference, *_),) = seen.follows
        if given is None:
            assert reference is None
        else:
            np.testing.assert_array_equal(reference, direction.reshape(1, 1, -1))
    monkeypatch.undo()
    with pytest.raises(ValueError, match="and needs 2"):
        flow_heads(X, labels, **common)
    with pytest.raises(ValueError, match="reference must hold one"):
        flow_heads(X, labels, leave_one_out=False, reference=direction, **common)
