"""Self unsupervised re-training: train an encoder on a task's own inputs, without labels, before
fine-tuning it there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from tunebound.tuning.encoders.pretraining import Pretraining, pretrain
from tunebound.tuning.encoders.reconstruction import check_encoder, sequences
from tunebound.tuning.encoders.tokens import TokenEncoder

# Shared with the method "self_unsupervised": gentler than pre-training, since little text is read
# many times.
STEPS, BATCH_SIZE, HIDDEN_SHARE, LEARNING_RATE = 100, 16, 0.25, 3e-3
# Of encoders that are not of this package: what large ones are fine-tuned with.
LEARNING_RATE_OF_OTHERS = 5e-5


@dataclass(frozen=True, eq=False, kw_only=True)
class Retraining(Pretraining):
    """A re-trained encoder; see `Pretraining` for the other attributes.

    Attributes
    ----------
    distance : float
        Euclidean distance of its parameters from those of the encoder that was given.
    """

    distance: float


def self_unsupervised_retraining(
    encoder: Any,
    inputs: ArrayLike | Tensor,
    *,
    steps: int = STEPS,
    batch_size: int = BATCH_SIZE,
    hidden_share: float = HIDDEN_SHARE,
    learning_rate: float | None = None,
    decoder: nn.Module | None = None,
    decoder_steps: int | None = None,
    left_out: int | None = None,
    seed: int = 0,
) -> Retraining:
    """Re-train a copy of an encoder by masked reconstruction of a task's own inputs; fine-tune the
    copy then.

    The idea: the bound of full fine-tuning grows with the distance from the start to the minimiser,
    and an encoder that has seen the task's inputs may start nearer. Whether it does is measured in
    docs/remedies-study.md.

    Parameters
    ----------
    encoder : Module with what `MaskedEncoder` asks for
        The pre-trained encoder, for example a `TokenEncoder`, or one of transformers as a
        `MaskedLanguageEncoder`; it is not changed.
    inputs : (n, length) integers in [0, vocabulary)
        The task's inputs; shorter than the encoder's `length` where it knows padding.
    steps : int
        Steps of Adam, at least 1; the step size falls to zero along a cosine.
    batch_size : int
        Sequences drawn for a step, with replacement.
    hidden_share : float
        Probability in (0, 1) that a token is hidden.
    learning_rate : float, optional
        Adam's first step size, lower than that of pre-training: by default 0.003 for a
        `TokenEncoder` and 5·10⁻⁵ for any other.
    decoder : Module, optional
        The one that pre-training left (`Pretraining.decoder`); a fresh one otherwise, which has to
        be learnt first.
    decoder_steps : int, optional
        Steps before, in which the decoder alone learns; by default as many as `steps` for a fresh
        decoder of what is no `TokenEncoder`, else none.
    left_out : int, optional
        The input of a sample that fine-tuning leaves out: it counts in nothing, and batches and
        masks stay those of all inputs. To delete its row instead draws every batch anew: then two
        encoders differ by what another seed changes, and not by one sample.
    seed : int
        Of the batches, the masks and a fresh decoder.

    Returns
    -------
    Retraining

    Raises
    ------
    ValueError, TypeError
        For inputs of another length or outside the vocabulary, a module that lacks something, and
        any argument out of range.
    FloatingPointError
        If the loss stops being finite.

    Notes
    -----
    Fu, So & Collier, "A Stability Analysis of Fine-Tuning a Pre-Trained Model", arXiv:2301.09820.
    """
    check_encoder(encoder)
    ours = isinstance(encoder, TokenEncoder)
    if learning_rate is None:
        learning_rate = LEARNING_RATE if ours else LEARNING_RATE_OF_OTHERS
    if decoder_steps is None:
        decoder_steps = 0 if ours or decoder is not None else steps
    trained = pretrain(
        encoder,
        sequences("inputs", inputs, encoder),
        steps=steps,
        batch_size=batch_size,
        hidden_share=hidden_share,
        learning_rate=learning_rate,
        decoder=decoder,
        decoder_steps=decoder_steps,
        left_out=left_out,
        seed=seed,
    )
    before = nn.utils.parameters_to_vector(encoder.parameters()).detach()
    after = nn.utils.parameters_to_vector(trained.encoder.parameters()).detach()
    distance = float(torch.linalg.vector_norm((after - before).double()))
    return Retraining(**vars(trained), distance=distance)
