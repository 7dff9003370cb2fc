"""Many heads: the evidence against plain loops, the verdicts, and the cases that decide what
averaging can do.
"""

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.oracles.multi_head_descent import heads_at, left_out_heads_at, many_heads_at
from tunebound import bounds, synthetic, theory, tuning
from tunebound.theory.engine import computing
from tunebound.theory.engine.reporting import judge_all, report
from tunebound.theory.engine.setting import find_setting
from tunebound.theory.multi_head import starts as random_starts
from tunebound.theory.multi_head.evidence import (
    SIZES,
    common_bias,
    group_means,
    spread_of,
)
from tunebound.theory.multi_head.starts import RandomStarts

SETTING = find_setting("multi-head")
STEPS = 300


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    target = tmp_path_factory.mktemp("multi_head") / "smoke"
    theory.run(theory.Study("multi-head", "smoke", 0, {"steps": STEPS}), target, jobs=1)
    return target


@pytest.fixture(scope="module")
def many_results(directory):
    return theory.load(directory)


@pytest.fixture(scope="module")
def verdicts(directory, many_results):
    return {verdict.theorem.name: verdict for verdict in judge_all(directory, many_results)}


def direction(w):
    return w / np.linalg.norm(w, axis=-1, keepdims=True)


def wide(n=10, d=15, scale=3.0):
    return RandomStarts(
        synthetic.make_separable("gaussian", n=n, d=d, margin=0.5, radius=4.0, seed=1), scale, 1
    )


@pytest.fixture(scope="module")
def evidence():
    return SETTING.evidence([wide()], [wide()], computing.checked_options(SETTING, {"steps": 200}))[
        0
    ]


def test_heads_are_those_of_plain_descent(evidence):
    X, y = evidence.starts.data.X, evidence.starts.data.y
    rate = 0.5 * bounds.constants.step_size_limit(X).value
    assert evidence.steps.tolist() == [2, 20, 200]
    assert np.array_equal(evidence.initial, evidence.starts.draw(1024))
    for k, t in enumerate(evidence.steps):
        expected = left_out_heads_at(X, y, rate, int(t), evidence.initial[:2])
        assert np.allclose(evidence.heads[k, :2], expected[0], rtol=1e-11, atol=1e-11)
        assert np.allclose(evidence.left_out[k, :, :2], expected[1:], rtol=1e-11, atol=1e-11)
        alone = heads_at(X, y, rate, int(t), np.zeros((1, evidence.starts.d)))[0]
        assert np.allclose(evidence.mean_start[k], alone, rtol=1e-11, atol=1e-11)


def test_measures_are_those_of_the_mean_of_each_group(evidence):
    u = evidence.separator.direction
    for size in (1, 16, 256):
        head = evidence.heads[2, size : 2 * size].mean(axis=0)
        assert evidence.error(size)[2, 1] == pytest.approx(
            np.linalg.norm(direction(head) - u), rel=1e-12
        )
    assert evidence.error(256).shape == (3, 2)
    mean = evidence.heads[1, 4:8].mean(axis=0)
    others = evidence.left_out[1, :, 4:8].mean(axis=1)
    expected = np.mean([np.linalg.norm(direction(mean) - direction(other)) for other in others])
    assert evidence.instability(4)[1, 1] == pytest.approx(expected, rel=1e-12)
    assert evidence.left_out_sizes == SIZES


def test_the_spread_is_the_standard_deviation(evidence):
    assert spread_of(evidence.heads) == pytest.approx(
        np.sqrt(evidence.heads.var(axis=1, ddof=1).sum(axis=-1)), rel=1e-12
    )
    assert evidence.start_spread == pytest.approx(3.0 * np.sqrt(15))


def test_draws_are_nested_and_repeatable():
    starts = wide()
    assert np.array_equal(starts.draw(4), starts.draw(64)[:4])
    assert starts.draw(4096).std() == pytest.approx(3.0, rel=0.02)
    again = RandomStarts(starts.data, starts.scale, 2)
    assert not np.array_equal(again.draw(4), starts.draw(4))


@pytest.mark.parametrize("bias", [0.0, 0.3])
def test_bias_and_spread_are_told_apart(bias):
    error = {size: np.sqrt(bias**2 + 0.5 / size) for size in (1, 256)}
    found, floor = common_bias(error[1], error[256])
    assert found == pytest.approx(bias, abs=1e-7)
    assert floor == pytest.approx(0.5 / bias**2, rel=1e-9) if bias else floor > 1e12


def test_group_means_leave_out_what_fills_no_group():
    assert group_means(np.arange(10.0).reshape(5, 2), 2).tolist() == [[1, 2], [5, 6]]


HOLDING = ("M-spread", "M-expectation", "M-refined", "M-sharp", "M-one-run", "M-anytime")


def test_verdicts(verdicts):
    assert verdicts["P-Multi"].test == "no number named"
    assert verdicts["P-Multi"].theorem.free_constants == ("C", "ξ", "λ", "ν")
    for name in HOLDING:
        assert (verdicts[name].violations, verdicts[name].environments) == (0, 4), str(
            verdicts[name]
        )
    assert verdicts["M-scaling"].test == "violated"
    assert verdicts["M-scaling"].violations == 4
    assert verdicts["M-sharp"].provenance == "estimated"
    assert verdicts["M-one-run"].provenance == "exact"


def test_bounds_in_the_tables_are_those_of_the_formulas(many_results):
    row = many_results.environments.iloc[3]
    rows = many_results.rows[
        (many_results.rows["member"] == row["member"]) & (many_results.rows["steps"] == STEPS)
    ]
    one = rows[(rows["theorem"] == "M-expectation") & rows["quantity"].str.endswith("H = 16")].iloc[
        0
    ]
    exact = row["scale"] * (np.sqrt(row["d"]) + np.sqrt(2 * np.log(1e9) / 32)) / 4
    assert one["bound"] == pytest.approx(exact, rel=1e-12)
    assert one["bound"] / 2 < one["measured"] < one["bound"]


def test_claims_are_those_of_the_statements(evidence):
    known = theory.theorems("multi-head")
    (scaled,) = known["M-scaling"].claims(evidence)
    assert scaled.quantity.endswith("H = 256")
    others = [evidence.heads[:, k : k + 64].mean(axis=1) for k in range(512, 1024, 64)]
    largest = np.max(
        [np.linalg.norm(direction(w) - evidence.separator.direction, axis=1) for w in others],
        axis=0,
    )
    assert np.allclose(scaled.bound, largest[:, None] / 2, rtol=1e-13)
    sharp = known["M-sharp"].claims(evidence)[-1]
    assert sharp.quantity.endswith("H = 256")
    reach, bar = (
        3.0 * (np.sqrt(15) + np.sqrt(2 * np.log(1e9))) / np.sqrt(size) for size in (256, 512)
    )
    estimate = evidence.heads[:, 512:].mean(axis=1)
    norm = np.linalg.norm(estimate, axis=1)
    bias = np.linalg.norm(direction(estimate) - evidence.separator.direction, axis=1)

    def chord(delta):
        return np.where(
            delta < 1, np.sqrt(np.maximum(2 - 2 * np.sqrt(np.maximum(1 - delta**2, 0)), 0)), 2.0
        )

    expected = np.where(
        norm > bar,
        bias + chord(bar / norm) + chord(reach / np.maximum(norm - bar, 1e-9)),
        2.0,
    )
    assert np.allclose(sharp.bound[:, 0], expected, rtol=1e-9)
    refined = known["M-refined"].claims(evidence)[-1]
    spread = 2 * 3.0 * np.sqrt(15) / np.maximum(norm - bar, 1e-9)
    factor = np.sqrt((2 + 8 * np.log(1e9)) / 256)
    expected = np.where(norm > bar, bias + chord(bar / norm) + spread * factor, 2.0)
    assert np.allclose(refined.bound[:, 0], expected, rtol=1e-9)
    single = known["M-one-run"].claims(evidence)[0]
    alone = np.linalg.norm(evidence.mean_start, axis=1)[:, None]
    starts = np.linalg.norm(evidence.initial[:512], axis=1)
    assert np.allclose(
        single.bound, evidence.mean_start_error[:, None] + chord(starts / alone), rtol=1e-9
    )


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_few_features_forget_their_starts(scale):
    """n = 50, d = 5, t = 20,000: 256 heads and one make the same error, the common bias."""
    data = synthetic.make_separable("gaussian", n=50, d=5, margin=0.5, radius=4.0)
    ends = errors_after_20000_steps(data, scale, heads=256)
    assert ends[1] > 0.05
    assert ends[256] == pytest.approx(ends[1], rel=1e-3)


def test_more_features_than_samples_keep_theirs():
    """n = 40, d = 60, σ = 5, t = 20,000: averaging helps much, and stops far above the error of the
    head from zero.
    """
    data = synthetic.make_separable("wide", n=40, d=60, margin=0.5, radius=4.0)
    ends = errors_after_20000_steps(data, 5.0, heads=256)
    assert ends[1] > 0.8
    assert ends[256] < ends[1] / 3
    bias = np.sqrt((256 * ends[256] ** 2 - ends[1] ** 2) / 255)
    assert bias > 2 * errors_after_20000_steps(data, 0.0, heads=1)[1]


def errors_after_20000_steps(data, scale, heads):
    """Root mean square direction error of single heads, and that of the mean of all, by a plain
    loop over steps.
    """
    rate = 0.5 * bounds.constants.step_size_limit(data.X).value
    starts = RandomStarts(data, scale, 0).draw(heads)
    ends = many_heads_at(data.X, data.y, rate, 20_000, starts)
    single = np.sqrt((np.linalg.norm(direction(ends) - data.separator, axis=1) ** 2).mean())
    return {1: single, heads: np.linalg.norm(direction(ends.mean(axis=0)) - data.separator)}


def test_the_smallest_counterexample_to_the_mean_start():
    """x_1 = (1, 0), x_2 = (0, 2): the features do not meet, so E w(t) is two integrals, here on a
    grid.

    At σ = 20, t = 1,000 the expected head is three times as far from the separator as the head from
    zero. As H grows, the error tends to that of the expected head and every bound with the other
    bias to that bias: no constant repairs it.
    """
    scale, steps = 20.0, 1000
    X, y = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([1, -1])
    rate = 0.5 * bounds.constants.step_size_limit(X).value
    separator = bounds.max_margin(X, y)
    g = np.linspace(-9, 9, 4001)
    density = np.exp(-(g**2) / 2)
    grid = np.stack([scale * g, -scale * g], axis=1)
    ends = many_heads_at(X, y, rate, steps, grid)
    expected = density @ ends / density.sum()
    alone = many_heads_at(X, y, rate, steps, np.zeros((1, 2)))[0]
    error = {
        name: np.linalg.norm(direction(w) - separator.direction)
        for name, w in (("expected", expected), ("alone", alone))
    }
    assert error["expected"] > 3 * error["alone"]
    heads = many_heads_at(
        X, y, rate, steps, scale * np.random.default_rng(0).normal(size=(100_000, 2))
    )
    mean = heads.mean(axis=0)
    assert mean == pytest.approx(expected, rel=0.02)
    reach = bounds.multi_head.concentration(
        spread=scale * np.sqrt(2), deviation=scale, heads=100_000, delta=1e-9
    )
    random = bounds.head.chord(drift=reach, norm=np.linalg.norm(expected) - reach)
    measured = np.linalg.norm(direction(mean) - separator.direction)
    assert error["alone"] + random < measured <= error["expected"] + random


def test_averaging_uncovers_what_the_left_out_sample_does(evidence):
    """With the same large start on S and S^i, more heads are *less* stable against their data."""
    assert evidence.instability(256)[-1].mean() > 1.3 * evidence.instability(1)[-1].mean()


def test_no_bound_rests_on_a_head_that_it_is_tested_on(evidence):
    """Other heads in the half that is measured move what is measured and no bound; other heads in
    the half that estimates move no measured value.
    """
    rng = np.random.default_rng(5)
    moved = evidence.heads + rng.normal(size=evidence.heads.shape)
    first = replace(evidence, heads=np.where(np.arange(1024)[:, None] < 512, moved, evidence.heads))
    second = replace(
        evidence, heads=np.where(np.arange(1024)[:, None] < 512, evidence.heads, moved)
    )
    known = theory.theorems("multi-head")
    for name in ("M-refined", "M-sharp", "M-scaling", "M-mean-start"):
        for before, one, other in zip(
            *(known[name].claims(each) for each in (evidence, first, second)), strict=True
        ):
            assert np.array_equal(one.bound, before.bound), name
            assert not np.array_equal(one.measured, before.measured), name
            assert np.array_equal(other.measured, before.measured), name
        # at H = 1 the chord may say no more than 2
        assert not np.array_equal(other.bound, before.bound), name


def test_a_stored_member_replays(tmp_path):
    starts = wide()
    random_starts.save(starts, tmp_path / "starts.npz")
    again = random_starts.load(tmp_path / "starts.npz")
    assert (again.scale, again.seed) == (starts.scale, starts.seed)
    assert np.array_equal(again.data.X, starts.data.X)
    verdict = theory.verify("M-scaling", [again], steps=50, output=tmp_path)
    assert verdict.test == "violated"
    replayed = theory.verify("M-scaling", [random_starts.load(verdict.violation.path)], steps=50)
    assert replayed.violation.measured == verdict.violation.measured


def test_bad_members_and_suites_are_refused(tmp_path):
    data = wide().data
    for scale in (-1.0, np.inf, np.nan):
        with pytest.raises(ValueError, match="scale must be finite and at least 0"):
            RandomStarts(data, scale, 0)
    for scale in (True, "1"):
        with pytest.raises(TypeError, match="scale must be a real number"):
            RandomStarts(data, scale, 0)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        RandomStarts(data, 1.0, -1)
    with pytest.raises(ValueError, match="suite must be one of 'smoke', 'standard', got 'huge'"):
        SETTING.suite("huge", 0, SETTING.options())
    with pytest.raises(TypeError, match="seed must be an integer, got True"):
        SETTING.suite("smoke", True, SETTING.options())
    (tmp_path / "other.npz").write_bytes(b"no archive")
    with pytest.raises(
        ValueError,
        match=r"holds no random starts .*; name a file that a counterexample was stored in",
    ):
        random_starts.load(tmp_path / "other.npz")
    with pytest.raises(ValueError, match=r"rate_fraction must be finite and in \(0, 1\]"):
        computing.checked_options(SETTING, {"rate_fraction": 2.0})
    with pytest.raises(ValueError, match="steps must be at least 1"):
        computing.checked_options(SETTING, {"steps": 0})


def test_the_standard_suite_varies_one_factor_at_a_time():
    specifications = SETTING.suite("standard", 0, SETTING.options()).specifications
    assert len({each.name for each in specifications}) == len(specifications)
    for factor, fixed in (
        ("n", lambda each: (each.d, each.scale)),
        ("d", lambda each: (each.n, each.scale)),
    ):
        groups = {}
        for each in specifications:
            groups.setdefault(fixed(each), set()).add(getattr(each, factor))
        assert max(len(values) for values in groups.values()) >= 3
    assert {each.scale for each in specifications} == {0.2, 1.0, 5.0}


PRESENTATION = find_setting("multi-head").presentation()


@pytest.mark.parametrize("name", PRESENTATION.illustrations)
def test_figures_have_axis_labels_and_a_caption(name, many_results, tmp_path):
    illustration = PRESENTATION.figures(many_results)[name]
    figure = illustration.draw(many_results)
    figure.savefig(tmp_path / "figure.png")
    drawn = [axis for axis in figure.axes if axis.axison and axis.has_data()]
    assert any([axis.get_title() for axis in drawn] + [figure.get_suptitle()])
    assert figure.get_supxlabel() or all(axis.get_xlabel() for axis in drawn)
    assert figure.get_supylabel() or drawn[0].get_ylabel()
    assert illustration.caption.endswith(".")


def test_the_figure_shows_the_measured_errors(many_results):
    figure = PRESENTATION.illustrations["error-against-heads"].draw(many_results)
    rows = many_results.rows[
        (many_results.rows["theorem"] == "M-sharp") & (many_results.rows["steps"] == STEPS)
    ]
    for axis, scale in zip(figure.axes, (0.2, 5.0), strict=True):
        (line,) = [line for line in axis.get_lines() if line.get_label() == "measured, d/n = 2"]
        assert list(line.get_xdata()) == list(SIZES)
        shown = rows[(rows["scale"] == scale) & (rows["d"] == 24)]
        assert line.get_ydata() == pytest.approx(shown["measured"].to_numpy())


def test_the_report_tells_it(directory, many_results, verdicts):
    sentences = PRESENTATION.findings(many_results, list(verdicts.values()))
    text = " ".join(sentences)
    assert "is violated: 4 of 4 data sets violate it" in text
    assert "Where d > n, 256 heads instead of one" in text
    # the headline's numbers are those of the first two findings
    said = PRESENTATION.headline(many_results, list(verdicts.values()))
    for part in re.findall(r"from (\S+) to (\S+) where", said):
        assert any("from {} to {} (medians)".format(*part) in each for each in sentences[:2])
    assert "1/√H would divide it by 16" in said
    page = report(directory)
    text = page.read_text(encoding="utf-8")
    assert "what do more heads change" in text
    assert ">proved here, a posteriori</td>" in text


def test_one_head_of_many_is_the_head_alone():
    """A head does not know of the others: its step is η on its own loss."""
    starts = wide()
    X, y = starts.data.X, starts.data.y
    initial = starts.draw(4)
    together = tuning.tune_heads(X, y, steps=50, init=initial, heads=4).head_weights
    for h in range(4):
        assert np.allclose(
            together[:, h],
            tuning.tune_heads(X, y, steps=50, init=initial[h]).weights,
            rtol=1e-11,
            atol=1e-12,
        )
