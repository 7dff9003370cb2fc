"""Valid arguments of every public callable, made anew for each call; those of optional parameters
are their defaults. What has none is named by `test_every_public_callable_has_valid_arguments`.
"""

from __future__ import annotations

import atexit
import copy
import functools
import inspect
import shutil
import tempfile
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from tests.bounds import test_full, test_head, test_literature, test_multi_class, test_multi_head
from tests.oracles.class_samples import separable_classes
from tests.oracles.samples import separable
from tests.tuning.test_pretrained import TEXTS, Layers, Words
from tunebound import bounds, synthetic, theory, tuning

# What is not called by users, or not ours; everything else has an entry below.
LEFT_OUT = {
    "called by the package, overridden by users": (
        "theory.Setting.*",
        "theory.SearchSpace.*",
        "theory.Presentation.*",
        "theory.Illustration.*",
        "tuning.Method.*",
        "tuning.MaskedEncoder*",
        "synthetic.Family.*",
    ),
    "called by the package with what it has made or checked": (
        "synthetic.Option.checked",
        "synthetic.Request.*",
        "theory.Options.*",
        "theory.Study.summary",
        "theory.Theorem.claims_of",
        "tuning.RateFactors.of",
        "tuning.StrengthRange.check",
        "tuning.torch_device",
    ),
    "records that functions and readers make": (
        "synthetic.MirroredDataset",
        "synthetic.SeparableDataset",
        "synthetic.Specification",
        "tuning.PretrainedEncoder",
    ),
    "steps of writers and readers, which are attacked whole": ("*.from_entries", "*_npz"),
    "checked by scikit-learn as its conventions ask": (
        "*Classifier.fit",
        "*Classifier.predict*",
        "*Classifier.decision_function",
        "*.set_fit_request",
        "*.set_score_request",
    ),
    "modules of other libraries around which ours is a face": (
        "tuning.MaskedLanguageEncoder.hidden",
        "tuning.PretrainedEncoder.forward",
        "tuning.TextClassifier.forward",
    ),
    "abstract": ("tuning.TokenEncoder.*",),
}
STUDY = theory.Study("head", "smoke", 0, {"steps": 40})


def left_out(path):
    """Whether a callable is not attacked by itself."""
    return any(fnmatch(path, part) for parts in LEFT_OUT.values() for part in parts)


def _two(n=8, d=3):
    X, y = separable(np.random.default_rng(0), n, d)
    return {"X": X, "y": y.astype(float)}


def _several():
    X, y = separable_classes(np.random.default_rng(1), 9, 3, 3)
    return {"X": X, "y": y.astype(float)}


@functools.cache
def _solved():
    return bounds.max_margin(**_two())


@functools.cache
def _left_out():
    return bounds.leave_one_out_separators(**_two())


@functools.cache
def _solved_classes():
    return bounds.max_margin_classes(**_several())


@functools.cache
def _biased():
    return bounds.max_margin_with_bias(**_two())


@functools.cache
def _quadratic():
    return synthetic.make_quadratics(4, 3, mu=0.5, beta=2.0, distance=1.0)


@functools.cache
def _smooth():
    return synthetic.make_smooth_losses(4, 3, mu=0.5, beta=2.0, distance=1.0)


@functools.cache
def _minimised(bias=False):
    data = _two()
    X = np.hstack([data["X"], np.ones((8, 1))]) if bias else data["X"]
    weights = tuning.minimise_heads(data["X"], data["y"], strength=0.1, leave_one_out=False)
    w = weights.weights.reshape(-1, 3)[0]
    return {"X": X, "y": data["y"], "weights": np.append(w, 0.1) if bias else w, "lam": 0.1}


def _approximate():
    return bounds.regularised.approximate_leave_one_out(**_minimised())


@functools.cache
def _asymptote():
    return bounds.asymptote(**_two(), learning_rate=0.1)


def _balls():
    return bounds.balls.two_classes(**_two(), weights=_solved().weights, dual=_solved().dual)


def _encoder():
    return tuning.TokenMLP(5, 3, embedding=2, width=4)


def _of_tokens(kind, **sizes):
    return lambda: {
        "self": kind(5, 3, **sizes).double(),
        "tokens": torch.as_tensor(_tokens().tokens),
    }


def _embedded(kind, **sizes):
    return lambda: {**_of_tokens(kind, **sizes)(), "table": torch.ones(6, 4, dtype=torch.float64)}


def _pooled(module):
    return {
        "self": module,
        "features": torch.as_tensor(_vectors(1, 4, 3)),
        "labels": torch.tensor([0, 1, 1, 0]),
    }


@functools.cache
def _several_runs():
    return tuning.tune_heads(
        **{key: np.stack([value, value]) for key, value in _two().items()}, steps=3
    )


def _ball_products():
    toward = _vectors(4, 5, 3) @ _balls().units.T
    return {"self": _balls(), "toward": toward, "size": np.full((5, 1), 9.0)}


def _tokens(n=6):
    return synthetic.make_token_task(n, length=3, vocabulary=5, topics=2, seed=1)


def _labelled_tokens():
    task = _tokens()
    return {"inputs": task.tokens, "y": task.labels}


@functools.cache
def _fine_tuned():
    return tuning.fine_tune(
        _encoder(), **_labelled_tokens(), seeds=[0, 1], steps=2, batch_size=2, dropout=0.0
    )


def _network():
    return {"model": tuning.SequenceClassifier(_encoder(), seed=2).double(), **_labelled_tokens()}


class _Bare(Layers):
    """An encoder of transformers without a masked-language head."""

    def __init__(self):
        super().__init__()
        self.config.vocab_size = 30

    def get_input_embeddings(self):
        return self.embedding


class _MaskedWords(Words):
    mask_token_id, pad_token_id, all_special_ids = 1, 0, (0, 1)


def _pretrained():
    return tuning.pretrained(Layers(), tokenizer=Words())


def _vectors(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def _points():
    return {"points": _vectors(3, 4, 3), "weights": _solved().weights.copy()}


def _probabilities():
    drawn = np.random.default_rng(5).uniform(0.1, 1, (3, 5, 4))
    return drawn / drawn.sum(axis=-1, keepdims=True)


def _dataset():
    return synthetic.make_separable("ball", n=8, d=3)


def _few(**more):
    return {"jobs": 1, "steps": 5, "exact": True, **more}


@functools.cache
def _results():
    return theory.study([_dataset()], **_few())


@functools.cache
def _stored():
    directory = Path(tempfile.mkdtemp()) / "study"
    atexit.register(shutil.rmtree, directory.parent)
    theory.run(STUDY, directory, jobs=1)
    return str(directory)


@functools.cache
def _certificate():
    return theory.certify(**_two(), progress=False)


def _classifier():
    return tuning.HeadTuningClassifier(steps=3)


def _several_heads():
    return tuning.MultiHeadClassifier(n_heads=2, steps=3, random_state=0)


def _fitted(model):
    return model.fit(**_two())


def _draw(request, rng):
    cloud = rng.uniform(-1.0, 1.0, (request.n, request.d))
    separator = synthetic.planting.random_direction(request.d, rng)
    return synthetic.planting.part_cloud(request, cloud, separator, rng)


def _request():
    options = {"n_support": None, "gap": 0.1}
    return synthetic.Request(family="x", n=8, d=3, margin=0.5, radius=4.0, options=options)


def _generator():
    return np.random.default_rng(0)


def _encoded(seed):
    return torch.tensor(_vectors(seed, 4, 3), dtype=torch.float32)


def _claims(evidence):
    return ()


_THEOREM = {"statement": "s", "source": "t", "setting": "head"}
_MADE = {"mu": 0.5, "beta": 2.0, "distance": 1.0}

TABLE = {
    **{
        f"bounds.{ladder}.{name}": functools.partial(copy.deepcopy, arguments)
        for ladder, tests in (
            ("head", test_head),
            ("full", test_full),
            ("multi_head", test_multi_head),
            ("multi_class", test_multi_class),
            ("literature", test_literature),
        )
        for name, arguments in tests.VALID.items()
    },
    "bounds.Asymptote.direction_error": lambda: {"self": _asymptote(), "steps": [10.0, 1e9]},
    "bounds.Asymptote.head": lambda: {"self": _asymptote(), "steps": [10.0, 1e9]},
    "bounds.asymptote": lambda: {**_two(), "learning_rate": 0.1},
    "bounds.deletion_with_bias": lambda: {**_two(), "separator": _biased()},
    "bounds.direction_distance": lambda: {"across": _vectors(1, 3), "along": _vectors(2, 3)},
    "bounds.leave_one_out_classes": _several,
    "bounds.leave_one_out_margins": _two,
    "bounds.leave_one_out_separators": _two,
    "bounds.max_margin": _two,
    "bounds.max_margin_classes": _several,
    "bounds.max_margin_with_bias": _two,
    "bounds.smallest_removal": _two,
    "bounds.constants.Constant": lambda: {
        "name": "c",
        "value": 1.0,
        "provenance": "exact",
        "source": "s",
        "certificate": 1e-9,
    },
    "bounds.constants.certified_direction_constant": lambda: {"separator": _solved()},
    "bounds.constants.direction_constant": lambda: {
        "separator": _solved(),
        "left_out": _left_out(),
    },
    "bounds.constants.fit_direction_constant": lambda: {
        "steps": [10.0, 100.0, 1000.0],
        "direction_error": [0.5, 0.25, 0.1],
    },
    "bounds.constants.head_curvature": lambda: {"X": _two()["X"]},
    "bounds.constants.kkt_lambda": lambda: {"separator": _solved()},
    "bounds.constants.margin": lambda: {"separator": _solved()},
    "bounds.constants.published_step_size_limit": lambda: {"X": _two()["X"]},
    "bounds.constants.radius": lambda: {"X": _two()["X"]},
    "bounds.constants.step_size_limit": lambda: {"X": _two()["X"]},
    "bounds.constants.weakest": lambda: {"provenances": ["exact", "fitted"]},
    "bounds.balls.DeletionBalls.shift": lambda: {**_ball_products(), "value": _vectors(5, 5, 1)},
    "bounds.balls.DeletionBalls.worst_shift": lambda: {**_ball_products(), "removed": 2},
    "bounds.balls.DeletionBalls.worst_distance": lambda: {"self": _balls(), "size": 2},
    "bounds.balls.classes": lambda: {
        **_several(),
        "weights": _solved_classes().weights.copy(),
        "dual": _solved_classes().dual.copy(),
    },
    "bounds.balls.two_classes": lambda: {
        **_two(),
        "weights": _solved().weights.copy(),
        "dual": _solved().dual.copy(),
    },
    "bounds.churn.angle": lambda: {**_points(), "distance": [0.1, 0.2, 1.5]},
    "bounds.churn.ball": lambda: {**_points(), "diameter": _vectors(4, 5, 3)},
    "bounds.churn.count": lambda: {**_points(), "margin": 0.5, "radius": 4.0},
    "bounds.churn.deletion": lambda: {**_two(), **_points(), "dual": _solved().dual.copy()},
    "bounds.churn.drift": lambda: {**_points(), "drift": [0.1, 0.2, 1.5]},
    "bounds.churn.training": lambda: {"dual": [0.0, 1.0, 3.0], "norms": [1.0, 2.0, 4.0]},
    "bounds.regularised.ApproximateLeaveOneOut.predict": lambda: {
        "self": _approximate(),
        "points": _vectors(3, 4, 3),
    },
    "bounds.regularised.approximate_leave_one_out": lambda: copy.deepcopy(_minimised()),
    "bounds.regularised.ball": lambda: {
        "n": 9,
        "lam": 0.1,
        "residuals": [0.1, 0.5],
        "norms": [1.0, 2.0],
    },
    "bounds.regularised.distance_from_minimiser": lambda: copy.deepcopy(_minimised()),
    "bounds.regularised.path": lambda: {"n": 9, "margin": 0.5, "radius": 4.0},
    "bounds.regularised_bias.distance": lambda: {
        "X": _minimised(True)["X"].copy(),
        "gradients": _vectors(6, 8, 4),
        "lam": 0.1,
    },
    "bounds.regularised_bias.distance_from_minimiser": lambda: copy.deepcopy(_minimised(True)),
    "synthetic.ClassDataset.from_arrays": _several,
    "synthetic.MirroredDataset.minimiser": lambda: {
        "self": synthetic.make_mirrored(n=8, d=3),
        "strength": 0.1,
    },
    "synthetic.QuadraticProblem.from_arrays": lambda: {
        "hessians": _quadratic().hessians.copy(),
        "minimisers": _quadratic().minimisers.copy(),
        "start": _quadratic().start.copy(),
    },
    "synthetic.QuadraticProblem.gradients": lambda: {"self": _quadratic(), "w": np.ones(3)},
    "synthetic.QuadraticProblem.losses": lambda: {"self": _quadratic(), "w": np.ones(3)},
    "synthetic.QuadraticProblem.parameters": lambda: {"self": _quadratic(), "w": np.ones(3)},
    "synthetic.SmoothProblem.gradients": lambda: {"self": _smooth(), "w": np.ones(3)},
    "synthetic.SmoothProblem.hessians": lambda: {"self": _smooth(), "w": np.ones(3)},
    "synthetic.SmoothProblem.losses": lambda: {"self": _smooth(), "w": np.ones(3)},
    "synthetic.SmoothProblem.parameters": lambda: {"self": _smooth(), "w": np.ones(3)},
    "synthetic.SeparableDataset.from_arrays": _two,
    "synthetic.class_suite_names": dict,
    "synthetic.families": dict,
    "synthetic.find_family": lambda: {"family": "ball"},
    "synthetic.make_class_suite": dict,
    "synthetic.make_classes": lambda: {"n": 9, "d": 3},
    "synthetic.make_grid": lambda: {
        "families": ["ball", "gaussian"],
        "n": [8, 9],
        "d": 3,
        "margin": [0.5, 1.0],
        "radius": 4.0,
    },
    "synthetic.make_mirrored": lambda: {"n": 8, "d": 3},
    "synthetic.make_mirrored_suite": dict,
    "synthetic.make_problem_suite": dict,
    "synthetic.make_quadratics": lambda: {"n": 4, "d": 3, **_MADE},
    "synthetic.make_separable": lambda: {"n": 8, "d": 3},
    "synthetic.make_smooth_losses": lambda: {"n": 4, "d": 3, **_MADE},
    "synthetic.make_suite": dict,
    "synthetic.make_token_task": lambda: {"n": 6, "length": 3, "vocabulary": 8, "topics": 2},
    "synthetic.mirrored_suite_names": dict,
    "synthetic.problem_suite_names": dict,
    "synthetic.register_family": lambda: {"name": "attacked", "summary": "s"},
    "synthetic.suite_names": dict,
    "synthetic.planting.balance_columns": lambda: {
        "lateral": _vectors(1, 4, 3),
        "weights": np.full(4, 0.25),
    },
    "synthetic.planting.centre": lambda: {
        "lateral": _vectors(1, 4, 3),
        "weights": np.full(4, 0.25),
    },
    "synthetic.planting.check_gap": lambda: {"request": _request(), "n_on_margin": 2},
    "synthetic.planting.dual_weights": lambda: {"k": 3, "rng": _generator()},
    "synthetic.planting.even_labels": lambda: {
        "given": np.array([1, -1]),
        "n": 6,
        "rng": _generator(),
    },
    "synthetic.planting.largest_scale": lambda: {
        "base": np.array([0.5, 1.0]),
        "slope": np.array([0.0, 1.0]),
        "lateral": np.array([1.0, 2.0]),
        "radius": 4.0,
    },
    "synthetic.planting.orthogonal_part": lambda: {
        "points": _vectors(1, 4, 3),
        "separator": np.array([1.0, 0.0, 0.0]),
    },
    "synthetic.planting.part_cloud": lambda: {
        "request": _request(),
        "cloud": _vectors(1, 8, 3),
        "separator": np.array([1.0, 0.0, 0.0]),
        "rng": _generator(),
    },
    "synthetic.planting.random_direction": lambda: {"d": 3, "rng": _generator()},
    "synthetic.planting.random_frame": lambda: {"d": 3, "k": 2, "rng": _generator()},
    "tuning.Adam": dict,
    "tuning.HeavyBall": dict,
    "tuning.Nesterov": dict,
    "tuning.Method": dict,
    "tuning.FineTuned.features": lambda: {"self": _fine_tuned(), "inputs": _tokens().tokens},
    "tuning.FineTuned.logits": lambda: {"self": _fine_tuned(), "inputs": _tokens().tokens},
    "tuning.FineTuned.start_encoder": lambda: {"self": _fine_tuned(), "replica": 1},
    "tuning.FineTuned.tuned_encoder": lambda: {"self": _fine_tuned(), "replica": 1},
    "tuning.HeadTuningClassifier": dict,
    "tuning.MultiHeadClassifier": dict,
    "tuning.HeadRun.select": lambda: {"self": _several_runs(), "chosen": np.array([1, 0])},
    "tuning.MaximalMarginRegularizer": dict,
    "tuning.MaximalMarginRegularizer.forward": lambda: _pooled(tuning.MaximalMarginRegularizer()),
    "tuning.MultiHeadLoss": lambda: {"features": 3, "heads": 2},
    "tuning.MultiHeadLoss.forward": lambda: _pooled(tuning.MultiHeadLoss(3, heads=2).double()),
    "tuning.MultiHeadLoss.logits": lambda: {
        "self": tuning.MultiHeadLoss(3, heads=2).double(),
        "features": torch.as_tensor(_vectors(1, 4, 3)),
    },
    "tuning.MaskedLanguageEncoder": lambda: {"module": _Bare(), "tokenizer": _MaskedWords()},
    "tuning.MaskedLanguageEncoder.maskable": lambda: {
        "self": tuning.MaskedLanguageEncoder(_Bare(), _MaskedWords()),
        "tokens": torch.as_tensor(_tokens().tokens),
    },
    "tuning.MaskedLanguageEncoder.decoder": lambda: {
        "self": tuning.MaskedLanguageEncoder(_Bare(), _MaskedWords())
    },
    "tuning.PretrainedEncoder.encode": lambda: {"self": _pretrained(), "inputs": TEXTS},
    "tuning.PretrainedEncoder.tokens": lambda: {"self": _pretrained(), "texts": TEXTS},
    "tuning.SequenceClassifier": lambda: {"encoder": _encoder()},
    "tuning.SequenceClassifier.forward": lambda: {
        "self": _network()["model"],
        "tokens": torch.as_tensor(_tokens().tokens),
    },
    "tuning.TextClassifier": lambda: {
        "encoder": _pretrained(),
        "heads": tuning.MultiHeadLoss(6),
    },
    "tuning.TokenMLP": lambda: {"vocabulary": 5, "length": 3, "width": 4},
    **{
        f"tuning.{kind.__name__}.{name}": made(kind, width=4)
        for kind in (tuning.TokenMLP, tuning.TokenTransformer)
        for name, made in (("embed", _embedded), ("forward", _of_tokens), ("hidden", _of_tokens))
    },
    "tuning.TokenMLP.decoder": lambda: {"self": _encoder()},
    "tuning.TokenTransformer": lambda: {"vocabulary": 5, "length": 3, "width": 4},
    "tuning.TokenTransformer.decoder": lambda: {"self": tuning.TokenTransformer(5, 3, width=4)},
    "tuning.estimate_minimiser": lambda: {
        **_network(),
        "learning_rate": 0.1,
        "steps": 20,
        "tolerance": 1.0,
    },
    "tuning.find_method": lambda: {"method": "mixout"},
    "tuning.fine_tune": lambda: {
        "encoder": _encoder(),
        **_labelled_tokens(),
        "seeds": [0, 1],
        "steps": 2,
        "batch_size": 2,
    },
    "tuning.flow_heads": lambda: {**_two(), "until": 1e4},
    "tuning.flow_records": lambda: {"until": 1e6},
    "tuning.learning_rate_limits": lambda: {"X": _two()["X"]},
    "tuning.left_out_flips": lambda: {
        "points": _vectors(1, 4, 3),
        "weights": _vectors(2, 3),
        "left_out": _vectors(3, 5, 3),
    },
    "tuning.methods": dict,
    "tuning.minibatches": lambda: {"n": 6, "size": 2, "steps": 4},
    "tuning.minimise_heads": lambda: {**_two(), "strength": 0.1},
    "tuning.network_curvature": lambda: {**_network(), "iterations": 3, "starts": 2},
    "tuning.path_lipschitz": lambda: {
        "gradient_norms": [[1.0, 2.0], [0.5, 0.75], [0.25, 0.5]],
        "learning_rate": 0.1,
        "beta": 2.0,
    },
    "tuning.pretrain": lambda: {
        "encoder": _encoder(),
        "tokens": _tokens().tokens,
        "steps": 2,
        "batch_size": 2,
        "left_out": 1,
    },
    "tuning.pretrained": lambda: {"name_or_module": Layers(), "tokenizer": Words()},
    "tuning.record_steps": lambda: {"steps": 20},
    "tuning.register_method": lambda: {"kind": type(tuning.find_method("mixout"))},
    "tuning.self_unsupervised_retraining": lambda: {
        "encoder": _encoder(),
        "inputs": _tokens().tokens,
        "steps": 2,
        "batch_size": 2,
        "left_out": 1,
    },
    "tuning.tune_heads": lambda: {**_two(), "steps": 3},
    "tuning.tune_losses": lambda: {
        "losses": lambda w: (w**2).sum(axis=-1, keepdims=True) * np.array([0.5, 1.0]),
        "gradients": lambda w: w[:, None] * np.array([1.0, 2.0])[:, None],
        "start": _quadratic().start.copy(),
        "beta": 2.0,
        "steps": 3,
    },
    "tuning.tune_networks": lambda: {**_network(), "steps": 2, "learning_rate": 0.1},
    "tuning.tune_quadratics": lambda: {
        "hessians": _quadratic().hessians.copy(),
        "minimisers": _quadratic().minimisers.copy(),
        "start": _quadratic().start.copy(),
        "steps": 3,
    },
    "tuning.instability.cka_distance": lambda: {"features": _vectors(1, 3, 6, 4)},
    "tuning.instability.disagreement": lambda: {"predictions": [[0, 1, 1], [1, 1, 0]]},
    "tuning.instability.jensen_shannon": lambda: {"probabilities": _probabilities()},
    "tuning.instability.kappa_distance": lambda: {"predictions": [[0, 1, 1], [1, 1, 0]]},
    "tuning.instability.left_out_direction": lambda: {
        "full": _vectors(1, 2, 3),
        "left_out": _vectors(2, 2, 3),
    },
    "tuning.instability.left_out_disagreement": lambda: {
        "full": np.array([[0, 1, 1], [1, 1, 0]]),
        "left_out": np.array([[0, 1, 0], [1, 1, 0]]),
    },
    "tuning.instability.left_out_distance": lambda: {
        "full": _vectors(1, 2, 3),
        "left_out": _vectors(2, 2, 3),
    },
    "tuning.instability.procrustes_distance": lambda: {"features": _vectors(1, 3, 6, 4)},
    "tuning.instability.score_deviation": lambda: {"scores": [0.5, 0.7, 0.6]},
    "tuning.instability.svcca_distance": lambda: {"features": _vectors(1, 3, 6, 4)},
    "theory.Certificate.from_dict": lambda: {"stored": _certificate().to_dict()},
    "theory.Certificate.to_html": lambda: {"self": _certificate(), "path": "page.html"},
    "theory.Theorem": lambda: {
        "name": "attacked",
        "proof": "conjecture",
        "claims": _claims,
        "rates": {"n": -1.0},
        **_THEOREM,
    },
    "theory.certify": lambda: {**_two(), "progress": False},
    "theory.compute": lambda: {"study": STUDY, "directory": _stored(), "jobs": 1},
    "theory.decide": lambda: {"claims": [], "results": _results()},
    "theory.falsify": lambda: {"theorem": "H-limit", "budget": 100},
    "theory.find_setting": lambda: {"name": "head"},
    "theory.hypotheses": dict,
    "theory.hypothesize": lambda: {"name": "attacked", "predicted": 1, **_THEOREM},
    "theory.judge": lambda: {"theorem": "H-anytime", "results": _results()},
    "theory.judged_rows": lambda: {"rows": _results().rows.copy()},
    "theory.load": lambda: {"directory": _stored()},
    "theory.merge": lambda: {"directories": [_stored()], "output": "united"},
    "theory.register_setting": lambda: {"new": theory.find_setting("head")},
    "theory.report": lambda: {"directory": _stored(), "output": "page.html"},
    "theory.run": lambda: {
        "study": STUDY,
        "directory": _stored(),
        "jobs": 1,
    },
    "theory.settings": dict,
    "theory.stability_report": lambda: {
        "estimator": LogisticRegression(fit_intercept=False).fit(**_two()),
        **_two(),
        "progress": False,
    },
    "theory.study": lambda: {"sets": [_dataset()], **_few()},
    "theory.theorem": lambda: {"name": "attacked", **_THEOREM},
    "theory.theorems": dict,
    "theory.tightness": lambda: {"rows": _results().rows.copy()},
    "theory.verify": lambda: {"theorem": "H-anytime", "suite": [_dataset()], **_few()},
}


def valid(path, function):
    """Arguments of one call, by name: those of the table, and the defaults of the others."""
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    defaults = {
        name: copy.deepcopy(each.default)
        for name, each in inspect.signature(function).parameters.items()
        if each.default is not inspect.Parameter.empty and each.kind not in kinds
    }
    return {**defaults, **TABLE[path]()}
