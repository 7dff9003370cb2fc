"""Token sequences from a planted process: hidden topics walk along the sequence, and their balance
is the label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tunebound._ground.arrays import Floats, Integers
from tunebound._ground.checks import real_number, whole_number

# The chain keeps its topic this often; topics come in stretches, which is what a masked token can
# be guessed from.
PERSISTENCE = 0.6
ZIPF = 1.0
ROUNDS = 1000


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class TokenTask:
    """Labelled token sequences and the latent variables that made them; made by `make_token_task`.

    Attributes
    ----------
    tokens : (n, length) int64
        Token ids in [0, vocabulary).
    labels : (n,) int64
        −1 or +1: the sign of `scores`, so tokens determine labels exactly.
    topics : (n, length) int64
        The planted topic at each position.
    scores : (n,) float64
        Mean polarity of a sequence's topics, in [−1, 1]; |scores| ≥ margin.
    topic_of_token : (vocabulary,) int64
        Each token belongs to one topic; the same for all tasks of a world.
    polarity : (K,) float64
        −1 or +1 for each topic.
    emission : (K, vocabulary) float64
        Probability of each token given the topic, in this task.
    transition : (2, K, K) float64
        Probability of the next topic given the present one, for sequences labelled −1 and +1,
        before sequences below the margin are drawn again.
    margin : float
        Smallest |score| that was allowed.
    shift : float
        Share of the task's own distributions in `emission` and `transition`.
    world, seed : int
        What the shared distributions and this sample were drawn from.
    """

    tokens: Integers
    labels: Integers
    topics: Integers
    scores: Floats
    topic_of_token: Integers
    polarity: Floats
    emission: Floats
    transition: Floats
    margin: float
    shift: float
    world: int
    seed: int

    @property
    def n(self) -> int:
        """Number of sequences."""
        return int(self.tokens.shape[0])

    @property
    def length(self) -> int:
        """Number of tokens in a sequence."""
        return int(self.tokens.shape[1])

    @property
    def vocabulary(self) -> int:
        """Number of different tokens."""
        return int(self.topic_of_token.shape[0])

    @property
    def name(self) -> str:
        """Short readable name such as ``tokens-n64-l8-v32-m0.25-shift0-w0-s0``."""
        return (
            f"tokens-n{self.n}-l{self.length}-v{self.vocabulary}-m{self.margin:.6g}"
            f"-shift{self.shift:.6g}-w{self.world}-s{self.seed}"
        )

    def __repr__(self) -> str:
        return f"<TokenTask {self.name}>"


def make_token_task(
    n: int = 64,
    *,
    length: int = 8,
    vocabulary: int = 32,
    topics: int = 4,
    balance: float = 0.5,
    shift: float = 0.0,
    margin: float = 0.25,
    world: int = 0,
    seed: int = 0,
) -> TokenTask:
    """Draw labelled token sequences.

    A world fixes, once for all tasks in it, which topic each token belongs to, how often each token
    occurs in its topic (Zipf) and how topics follow each other. A sequence labelled y starts in a
    topic and keeps it or moves on, mostly to topics of polarity y; its score is the mean polarity
    of its topics; sequences with y·score < margin are drawn again. Unlabelled sequences with
    ``shift=0`` are the pre-training corpus of the world; a task with ``shift > 0`` mixes in its own
    token frequencies and transitions, but not another assignment of tokens to topics, so the
    label's rule stays.

    Parameters
    ----------
    n : int
        Number of sequences, at least 2.
    length : int
        Tokens in a sequence, at least 2.
    vocabulary : int
        Number of different tokens, at least one a topic.
    topics : int
        Number of topics, even and at least 2; half of them have polarity +1, the others −1.
    balance : float
        Share of sequences labelled +1; both classes must get at least one.
    shift : float
        In [0, 1]: the share of the task's own distributions. The total variation between the task's
        emission (and transition) and the world's is at most this, and proportional to it for the
        same seed.
    margin : float
        In [0, 1]: smallest |score|. At 0, ties are still drawn again.
    world, seed : int
        At least 0. The same arguments give the same task.

    Returns
    -------
    TokenTask

    Raises
    ------
    TypeError, ValueError
        For arguments of a wrong type or out of range; the message names the argument and the
        remedy.
    """
    count = whole_number("n", n, low=2, remedy="a task needs both labels")
    size = whole_number("length", length, low=2, remedy="a sequence has at least two tokens")
    groups = whole_number("topics", topics, low=2, remedy="each label needs a topic")
    if groups % 2:
        raise ValueError(f"topics must be even, got {groups}; half of them belong to each label")
    words = whole_number("vocabulary", vocabulary, low=groups, remedy="each topic needs a token")
    share = real_number(
        "balance", balance, low=0.0, high=1.0, remedy="it is the share of sequences labelled +1"
    )
    mixing = real_number(
        "shift",
        shift,
        low=0.0,
        high=1.0,
        remedy="0 is the world's own distribution, 1 is all the task's",
    )
    least = real_number(
        "margin", margin, low=0.0, high=1.0, remedy="it is the smallest mean polarity of a sequence"
    )
    positive = round(share * count)
    if positive in (0, count):
        raise ValueError(
            f"balance={share!r} leaves a class empty at n={count}; move it towards 0.5 or raise n"
        )
    place = whole_number("world", world, low=0, remedy="choose a world of 0, 1, 2, …")
    source = whole_number("seed", seed, low=0, remedy="choose a seed of 0, 1, 2, …")
    topic_of_token = (
        np.random.default_rng([place, 0]).permutation(np.arange(words) % groups).astype(np.int64)
    )
    polarity = np.where(np.arange(groups) % 2 == 0, 1.0, -1.0)
    # Leans so far that the mean score lies well above the margin.
    lean = 0.5 * (1.0 + 0.5 * (1.0 + least))
    own = np.random.default_rng([place, 1, source])
    shared = np.random.default_rng([place, 2])
    emission = (1 - mixing) * _emission(topic_of_token, groups, shared) + mixing * _emission(
        topic_of_token, groups, own
    )
    transition = (1 - mixing) * _transition(polarity, lean, shared) + mixing * _transition(
        polarity, lean, own
    )
    rng = np.random.default_rng([place, 3, source])
    labels = rng.permutation(np.where(np.arange(count) < positive, 1, -1)).astype(np.int64)
    walks = _walks(labels, size, transition, polarity, least, rng)
    tokens = np.empty_like(walks)
    # A topic at a time: probabilities for every position at once would fill the memory.
    for topic in range(groups):
        here = walks == topic
        tokens[here] = _choose(emission[topic], rng, size=int(here.sum()))
    return TokenTask(
        tokens=tokens,
        labels=labels,
        topics=walks,
        scores=polarity[walks].mean(axis=1),
        topic_of_token=topic_of_token,
        polarity=polarity,
        emission=emission,
        transition=transition,
        margin=least,
        shift=mixing,
        world=place,
        seed=source,
    )


def _emission(topic_of_token: Integers, topics: int, rng: np.random.Generator) -> Floats:
    """Zipf frequencies within each topic, in random order."""
    table = np.zeros((topics, len(topic_of_token)))
    for topic in range(topics):
        members = np.flatnonzero(topic_of_token == topic)
        frequencies = (1.0 + rng.permutation(len(members))) ** -ZIPF
        table[topic, members] = frequencies / frequencies.sum()
    return table


def _transition(polarity: Floats, lean: float, rng: np.random.Generator) -> Floats:
    """Chains for both labels: keep the topic, or draw one that has the label's polarity with
    probability `lean`.
    """
    topics = len(polarity)
    preference = rng.dirichlet(np.ones(topics), size=topics)
    chains = np.empty((2, topics, topics))
    for index, label in enumerate((-1.0, 1.0)):
        agrees = polarity == label
        towards, away = preference * agrees, preference * ~agrees
        jump = lean * towards / towards.sum(axis=1, keepdims=True) + (1 - lean) * away / away.sum(
            axis=1, keepdims=True
        )
        # A topic of the other polarity is left at once, otherwise long stretches of it would cost
        # the margin.
        keep = PERSISTENCE * agrees[:, None]
        chains[index] = keep * np.eye(topics) + (1 - keep) * jump
    return chains


def _walks(
    labels: Integers,
    length: int,
    transition: Floats,
    polarity: Floats,
    margin: float,
    rng: np.random.Generator,
) -> Integers:
    """Topics (n, length) with label·score ≥ margin; sequences that miss it are drawn again."""
    walks = np.empty((len(labels), length), dtype=np.int64)
    open_rows = np.arange(len(labels))
    # Scores are sums of ±1 over the length; the slack is below one rounding step.
    needed = max(margin * length, 1.0) - 1e-9
    for _ in range(ROUNDS):
        chains = transition[(labels[open_rows] + 1) // 2]
        topic = _choose(
            np.where(polarity == labels[open_rows, None], 1.0, 0.0) / (polarity > 0).sum(), rng
        )
        for position in range(length):
            walks[open_rows, position] = topic
            topic = _choose(chains[np.arange(len(open_rows)), topic], rng)
        open_rows = open_rows[labels[open_rows] * polarity[walks[open_rows]].sum(axis=1) < needed]
        if not len(open_rows):
            return walks
    raise ValueError(
        f"margin={margin!r} was not reached by {len(open_rows)} of {len(labels)} sequences of"
        f" length {length} in {ROUNDS} draws; lower margin or length"
    )


def _choose(probabilities: Floats, rng: np.random.Generator, size: int | None = None) -> Integers:
    """One index for each row of probabilities (m, K), or `size` indices for a single row (K,)."""
    edges = np.cumsum(probabilities, axis=-1)
    last = edges[..., -1]
    # Rounding must not lift a draw to the last edge, behind which there is no index.
    draws = np.minimum(
        rng.random(last.shape if size is None else size) * last, np.nextafter(last, 0.0)
    )
    if size is not None:
        return np.searchsorted(edges, draws, side="right").astype(np.int64)
    return np.asarray((edges <= draws[:, None]).sum(axis=-1), dtype=np.int64)
