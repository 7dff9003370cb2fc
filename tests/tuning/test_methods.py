"""The methods' own formulas, evaluated on one batch by hand, and a method of one's own."""

import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import expit, rel_entr

from tests.oracles.fine_tuning import WRITTEN_OUT
from tunebound import synthetic, tuning
from tunebound.tuning import Method, ReplicaState, StrengthRange, register_method
from tunebound.tuning.fine_tuning.methods import method as registry
from tunebound.tuning.fine_tuning.methods import perturbed

TASK = synthetic.make_token_task(12, length=4, vocabulary=8, seed=1)


@pytest.fixture
def clean_registry(monkeypatch):
    """Take methods that a test registers out again."""
    for table in ("_entries", "_owners"):
        monkeypatch.setattr(registry._METHODS, table, dict(getattr(registry._METHODS, table)))


@pytest.fixture
def encoder():
    return tuning.TokenMLP(8, 4, embedding=3, width=5, seed=0).double()


def state(encoder, noise, counted=None):
    tokens = torch.as_tensor(TASK.tokens)
    rng = np.random.default_rng(2)
    parameters = {key: value.detach() for key, value in encoder.named_parameters()}
    heads, biases = torch.tensor(rng.normal(size=(2, 5))), torch.tensor(rng.normal(size=2))
    counted = torch.ones(12, dtype=torch.float64) if counted is None else counted
    labels = torch.as_tensor(TASK.labels).double()
    return ReplicaState(
        encoder=encoder,
        parameters=parameters,
        start=parameters,
        heads=heads,
        biases=biases,
        inputs=tokens,
        labels=labels,
        counted=counted,
        features=encoder(tokens).detach(),
        noise={"noise": noise},
    )


def features(encoder, noise):
    """The encoder by hand, with noise (n, length, embedding) on the embeddings."""
    values = {key: value.detach().numpy() for key, value in encoder.named_parameters()}
    embedded = (values["table"][TASK.tokens] + noise).reshape(12, -1)
    first = np.tanh(embedded @ values["first.weight"].T + values["first.bias"])
    return np.tanh(first @ values["second.weight"].T + values["second.bias"])


NOISE = np.random.default_rng(0).normal(size=(12, 4, 3))
COUNTED = np.array([1.0] * 9 + [0.0] * 3)


def test_noise_stability_is_the_mean_squared_move_of_the_features(encoder):
    method = tuning.methods()["noise_stability"]
    value = method.penalty(state(encoder, torch.tensor(NOISE), torch.tensor(COUNTED)))
    moved = ((features(encoder, NOISE) - features(encoder, 0)) ** 2).sum(axis=1)
    assert value.item() == pytest.approx(method.strength * moved[:9].mean(), rel=1e-12)
    assert method.penalty(state(encoder, torch.zeros(12, 4, 3, dtype=torch.float64))).item() == 0


def test_smoothness_is_the_symmetric_divergence_of_the_predictions(encoder):
    method = tuning.methods()["smoothness"]
    given = state(encoder, torch.tensor(NOISE), torch.tensor(COUNTED))
    value = method.penalty(given)
    head, bias = given.heads.mean(dim=0).numpy(), given.biases.mean().item()
    p, q = (expit(features(encoder, noise) @ head + bias) for noise in (0, NOISE))
    divergence = rel_entr(p, q) + rel_entr(1 - p, 1 - q) + rel_entr(q, p) + rel_entr(1 - q, 1 - p)
    assert value.item() == pytest.approx(method.strength * divergence[:9].mean(), rel=1e-10)
    assert method.penalty(state(encoder, torch.zeros(12, 4, 3, dtype=torch.float64))).item() == 0


def test_noise_has_the_scale_that_the_file_states():
    generators = [torch.Generator().manual_seed(seed) for seed in range(2)]
    encoder = tuning.TokenMLP(8, 4, embedding=50, width=5)
    drawn = tuning.methods()["smoothness"].draw(encoder, 64, generators)["noise"]
    assert drawn.shape == (2, 64, 4, 50)
    assert drawn.std().item() == pytest.approx(perturbed.SCALE, rel=0.02)
    assert not torch.equal(drawn[0], drawn[1])


@pytest.mark.parametrize("kind", [tuning.TokenMLP, tuning.TokenTransformer])
def test_reinitialisation_draws_the_top_layer_alone(kind):
    encoder = kind(8, 4, width=6, seed=0)
    tuned = tuning.fine_tune(
        encoder, TASK.tokens, TASK.labels, method="reinitialisation", seeds=[1, 2], steps=1
    )
    before = {key: value.double() for key, value in encoder.named_parameters()}
    changed = {key for key, value in tuned.start.items() if not torch.equal(value[0], before[key])}
    assert len(changed) == 2  # a layer's weight and bias
    assert len({key.rpartition(".")[0] for key in changed}) == 1
    for key in changed:
        assert not torch.equal(tuned.start[key][0], tuned.start[key][1]), "each seed draws its own"
        limit = before[key.rpartition(".")[0] + ".weight"].shape[1] ** -0.5
        assert tuned.start[key].abs().max() <= limit


def test_the_pull_of_l2_sp_is_the_distance_times_its_strength(encoder):
    given = state(encoder, None)
    rng = np.random.default_rng(4)
    moved = {
        key: value + torch.tensor(rng.normal(size=value.shape))
        for key, value in given.parameters.items()
    }
    method = replace(tuning.methods()["l2_sp"], strength=0.7)
    slopes = torch.func.grad(lambda now: method.penalty(replace(given, parameters=now)))(moved)
    for key, slope in slopes.items():
        np.testing.assert_allclose(slope, 0.7 * (moved[key] - given.start[key]), rtol=1e-12)


def test_the_margin_penalty_is_that_of_the_centres_of_what_counts(encoder):
    given = state(encoder, None, torch.tensor(COUNTED))
    seen, labels = given.features.numpy()[:9], TASK.labels[:9]
    apart = np.linalg.norm(seen[labels > 0].mean(axis=0) - seen[labels < 0].mean(axis=0))
    assert tuning.methods()["maximal_margin"].penalty(given).item() == pytest.approx(
        1 / (1 + apart), rel=1e-12
    )
    one_class = replace(given, counted=torch.as_tensor(TASK.labels > 0).double())
    assert tuning.methods()["maximal_margin"].penalty(one_class).item() == 0


@pytest.mark.parametrize("fresh", [True, False])
def test_re_training_of_replicas_is_re_training_by_an_optimiser(fresh):
    encoder = tuning.TokenMLP(8, 4, embedding=3, width=5, seed=0).double()
    decoder = None if fresh else encoder.decoder(seed=6).double()
    method = replace(tuning.methods()["self_unsupervised"], strength=30, decoder=decoder)
    options = {"seeds": [1, 2, 1], "left_out": [None, 5, 5], "steps": 1}
    tuned = tuning.fine_tune(encoder, TASK.tokens, TASK.labels, method=method, **options)
    by_adam = tuning.self_unsupervised_retraining(
        encoder, TASK.tokens, steps=30, decoder=decoder, seed=0
    )
    for key, value in by_adam.encoder.named_parameters():
        np.testing.assert_allclose(tuned.start[key][0], value.detach(), rtol=0, atol=1e-10)
    np.testing.assert_array_equal(tuned.flat_start[1], tuned.flat_start[2])
    assert np.abs(tuned.flat_start[0] - tuned.flat_start[1]).max() > 1e-4


def test_several_top_layers_can_be_drawn_anew():
    encoder = tuning.TokenMLP(8, 4, width=5, seed=0)
    both = replace(tuning.methods()["reinitialisation"], strength=2)
    tuned = tuning.fine_tune(encoder, TASK.tokens, TASK.labels, method=both, seeds=[1], steps=1)
    same = {
        key
        for key, value in encoder.named_parameters()
        if torch.equal(tuned.start[key][0], value.detach().double())
    }
    assert same == {"table"}
    with pytest.raises(
        ValueError, match=r"draws 3 linear layer\(s\) anew, but encoder TokenMLP has 2"
    ):
        tuning.fine_tune(
            encoder, TASK.tokens, TASK.labels, method=replace(both, strength=3), seeds=[1]
        )


class Unembedded(tuning.TokenEncoder):
    """An encoder of one's own that looks tokens up itself."""

    def __init__(self):
        super().__init__(8, 4, 5)
        self.rows = torch.nn.Embedding(9, 5)

    def hidden(self, tokens):
        return self.rows(tokens)

    def forward(self, tokens):
        return self.rows(tokens).mean(dim=-2)

    def decoder(self, *, seed=0):
        return torch.nn.Linear(5, 8)


@pytest.mark.parametrize("method", ["smoothness", "noise_stability"])
def test_noise_on_embeddings_asks_for_a_table(method):
    with pytest.raises(TypeError, match="encoder Unembedded has no parameter table"):
        tuning.fine_tune(Unembedded(), TASK.tokens, TASK.labels, method=method, seeds=[1])
    assert (
        tuning.fine_tune(Unembedded(), TASK.tokens, TASK.labels, seeds=[1], steps=3).distance[0] > 0
    )


@pytest.mark.parametrize(
    ("method", "strength", "message"),
    [
        (
            "l2_sp",
            -1,
            (
                "strength of l2_sp must be finite and at least 0, got -1; it is the factor α of the"
                " penalty"
            ),
        ),
        ("l2_sp", float("nan"), "strength of l2_sp must be finite"),
        (
            "mixout",
            1.0,
            r"strength of mixout must be finite and in \[0, 1\), got 1.0; it is the probability",
        ),
        (
            "multi_head",
            2.5,
            "multi_head must be a whole number, got 2.5; it is the number of heads H",
        ),
        ("multi_head", 0, "strength of multi_head must be finite and at least 1"),
        ("more_iterations", 0.5, "strength of more_iterations must be finite and at least 1"),
        ("smaller_step", 0.5, "strength of smaller_step must be finite and at least 1"),
        ("weight_averaging", 1, r"strength of weight_averaging must be finite and in \[0, 1\)"),
        ("self_unsupervised", 0, "strength of self_unsupervised must be finite and at least 1"),
        ("reinitialisation", 0, "strength of reinitialisation must be finite and at least 1"),
        ("plain", 1, "plain has no strength to set, got 1; leave it out"),
    ],
)
def test_strengths_that_mean_nothing_are_refused(method, strength, message):
    with pytest.raises(ValueError, match=message):
        replace(tuning.methods()[method], strength=strength)
    if method != "plain":
        with pytest.raises(TypeError, match=f"strength of {method} must be a real number"):
            replace(tuning.methods()[method], strength=True)


def test_mixout_keeps_the_expectation(encoder):
    mixout = tuning.methods()["mixout"]
    drawn = mixout.draw(encoder, 1, [torch.Generator().manual_seed(seed) for seed in range(4000)])[
        "mask"
    ]
    assert drawn.mean().item() == pytest.approx(mixout.strength, abs=0.01)
    ones = torch.ones(100, dtype=torch.float64)
    weights, start = {"w": torch.cat([2 * ones, -ones])}, {"w": torch.cat([0.5 * ones, 3 * ones])}
    size = weights["w"].numel()
    used = torch.stack(
        [mixout.used(weights, start, {"mask": mask.repeat(size)[:size]})["w"] for mask in drawn]
    )
    assert used[:, :100].mean().item() == pytest.approx(2, abs=0.02)
    assert used[:, 100:].mean().item() == pytest.approx(-1, abs=0.05)


def test_a_method_of_ones_own_is_one_class(clean_registry):
    class Halved(Method):
        name, summary, formula, source = "halved", "half the step", "η ← η/2", "a test"

        def learning_rate(self, rate):
            return rate / 2

    register_method(Halved)
    register_method(Halved)  # as a cell that is run twice
    assert "halved" in tuning.methods()
    encoder = tuning.TokenMLP(8, 4, width=5)
    given = {"seeds": [3], "steps": 5}
    own = tuning.fine_tune(
        encoder, TASK.tokens, TASK.labels, method="halved", learning_rate=0.2, **given
    )
    plain = tuning.fine_tune(encoder, TASK.tokens, TASK.labels, learning_rate=0.1, **given)
    np.testing.assert_array_equal(own.flat_parameters, plain.flat_parameters)
    with pytest.raises(ValueError, match="no method is named 'halve'; did you mean 'halved'"):
        tuning.fine_tune(encoder, TASK.tokens, TASK.labels, method="halve", seeds=[3])


NOTEBOOK = """
from dataclasses import dataclass

import joblib
import numpy as np

from tunebound import synthetic, tuning


@tuning.register_method
@dataclass(frozen=True)
class Shrunk(tuning.Method):
    strength: float = 0.2
    name = "shrunk"
    strength_range = tuning.StrengthRange("the factor of the penalty")

    def penalty(self, state):
        return self.strength * state.heads.square().sum()


task = synthetic.make_token_task(12, length=4, vocabulary=8, seed=1)
encoder = tuning.TokenMLP(8, 4, width=5)


def tune(method, seed):
    return tuning.fine_tune(
        encoder, task.tokens, task.labels, method=method, seeds=[seed], steps=3
    ), "shrunk" in tuning.methods()


elsewhere = joblib.Parallel(n_jobs=2)(joblib.delayed(tune)(Shrunk(0.5), seed) for seed in (1, 2))
for seed, (tuned, known_there) in zip((1, 2), elsewhere, strict=True):
    here, known_here = tune(Shrunk(0.5), seed)
    assert known_here and not known_there
    assert tuned.method == Shrunk(0.5)
    np.testing.assert_array_equal(tuned.flat_parameters, here.flat_parameters)
    np.testing.assert_array_equal(tuned.head, here.head)
    assert np.abs(tuned.head - tune("plain", seed)[0].head).max() > 1e-3
print("the same in every process")
"""


def test_a_method_from_a_notebook_works_in_processes_that_do_not_know_its_name(tmp_path):
    script = tmp_path / "notebook.py"
    script.write_text(NOTEBOOK)
    ended = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.stdout == "the same in every process\n", ended.stderr


def own_methods():
    return {
        name: method
        for name, method in tuning.methods().items()
        if type(method).__module__.startswith("tunebound.tuning.fine_tuning.methods.")
    }


def cost(method):
    few, many = method.passes(1000), method.passes(2000)
    each, once = (many - few) // 1000, 2 * few - many
    return f"{'' if each == 1 else each}T{f' + {once}' if once else ''}"


def test_the_table_of_methods_is_that_of_the_registry():
    text = (Path(__file__).parents[2] / "docs" / "remedies.md").read_text(encoding="utf-8")
    rows = [re.split(r" \| ", line.strip("| ")) for line in re.findall(r"\| `.*", text)]
    table = {row[0].strip("`"): row for row in rows}
    missing = own_methods().keys() - table.keys()
    assert not missing, f"write {sorted(missing)} into the table of methods in docs/remedies.md"
    unknown = table.keys() - own_methods().keys()
    assert not unknown, f"docs/remedies.md has {sorted(unknown)}, which no method is named"
    for name, method in own_methods().items():
        _, summary, _, source, strength, passes = table[name]
        assert (summary, source) == (method.summary, method.source), name
        assert (strength, passes) == (f"{method.strength:g}", cost(method)), name


def test_every_method_is_written_out_one_by_one():
    missing = own_methods().keys() - set(WRITTEN_OUT)
    assert not missing, f"write {sorted(missing)} out in tests/oracles/fine_tuning.py"
    unknown = set(WRITTEN_OUT) - own_methods().keys()
    assert not unknown, f"tests/oracles/fine_tuning.py has {sorted(unknown)}, which no method is"


@pytest.mark.parametrize("method", tuning.methods())
def test_the_cost_is_how_often_the_encoder_is_passed(method, monkeypatch):
    calls = []
    hidden = tuning.TokenMLP.hidden
    monkeypatch.setattr(
        tuning.TokenMLP,
        "hidden",
        lambda self, tokens: (calls.append(tokens), hidden(self, tokens))[1],
    )
    # One call of the encoder serves all replicas.
    tuning.fine_tune(
        tuning.TokenMLP(8, 4, width=5),
        TASK.tokens,
        TASK.labels,
        method=method,
        seeds=[3, 4],
        steps=6,
    )
    assert tuning.methods()[method].passes(6) == len(calls)
    assert tuning.methods()["plain"].passes(6) == 6


def test_what_cannot_be_registered_is_refused():
    with pytest.raises(TypeError, match="register_method takes a subclass of Method"):
        register_method(int)

    class Nameless(Method):
        pass

    with pytest.raises(ValueError, match="Nameless has no name; set the class variable name"):
        register_method(Nameless)

    class Taken(Method):
        name = "plain"

    with pytest.raises(
        ValueError,
        match=r"method 'plain' is registered by \S+\.plain\.Plain already; choose another name",
    ):
        register_method(Taken)
    assert type(tuning.methods()["plain"]).__name__ == "Plain"


@dataclass(frozen=True)
class Shrunk(Method):
    """A method with a penalty and a strength of its own."""

    strength: float = 0.2
    name = "shrunk"
    strength_range = StrengthRange("the factor of the penalty", below=1)

    def penalty(self, state):
        return self.strength * state.heads.square().sum()


def test_a_penalty_of_ones_own_needs_no_registration():
    encoder = tuning.TokenMLP(8, 4, width=5, seed=0)
    options = {"seeds": [3], "steps": 1, "learning_rate": 0.1}
    tuned = [
        tuning.fine_tune(encoder, TASK.tokens, TASK.labels, method=method, **options)
        for method in ("plain", Shrunk())
    ]
    start = tuning.fine_tune(
        encoder, TASK.tokens, TASK.labels, **{**options, "learning_rate": 1e-300}
    ).head
    np.testing.assert_allclose(tuned[1].head - tuned[0].head, -0.1 * 2 * 0.2 * start, rtol=1e-9)
    with pytest.raises(ValueError, match=r"strength of shrunk must be finite and in \[0, 1\)"):
        Shrunk(strength=1)
