"""Registered methods with the inputs that some of them need besides a task's own."""

from __future__ import annotations

from dataclasses import replace

from tunebound import synthetic, tuning


def ready(method, *, length, vocabulary):
    """The method of that name; further pre-training gets a corpus of 40 sequences."""
    made = tuning.find_method(method)
    if not hasattr(made, "corpus"):
        return made
    corpus = synthetic.make_token_task(40, length=length, vocabulary=vocabulary, seed=2)
    return replace(made, corpus=corpus.tokens)
