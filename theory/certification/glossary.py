"""What the words of a certificate's page mean, a sentence each."""

from __future__ import annotations

GLOSSARY = {
    "head": (
        "A linear rule on top of fixed features, that predicts the class with the largest score."
    ),
    "features": (
        "The numbers that describe a sample, such as an encoder's output; they stay as they are"
        " while the head is trained."
    ),
    "leaving out": (
        "Training the head again on all training samples but one, with everything else as it was."
    ),
    "stability": (
        "How little a trained head depends on any single one of the samples that it was trained on."
    ),
    "instability": (
        "The average, over the training samples, of the change of the head when that sample is"
        " left out; the smaller, the more stable."
    ),
    "change of the head": (
        "The distance between the directions, both scaled to length 1, of the head with and"
        " without a sample: 0 means that nothing changed, 1.41 that it turned by a right angle; of"
        " several heads it is their mean."
    ),
    "pivotal sample": (
        "A training sample that can change the head a lot when it is left out, often a correct one"
        " near the boundary."
    ),
    "reach": (
        "The number of test predictions that leaving out one training sample can change, at most."
    ),
    "separable": ("Said of data on which some head of this kind gets every training sample right."),
    "separator": (
        "The head with the largest margin, which training without a penalty tends to on separable"
        " data."
    ),
    "margin": (
        "The distance, in units of the features, of the separator's boundary from the training"
        " sample next to it, written γ."
    ),
    "radius": "The length of the longest row of features, written B.",
    "B/γ": (
        "Radius over margin, a number of the data that many bounds grow with; it does not order"
        " features by how stable heads on them are."
    ),
    "support vector": (
        "A training sample that holds the separator in place; leaving out any other sample changes"
        " nothing."
    ),
    "penalty": (
        "A price on large weights that is added to what training minimises, so that a best head"
        " exists even where no head gets every sample right."
    ),
    "leave-one-out error": (
        "The share of training samples that the head trained without them gets wrong."
    ),
    "certified": (
        "Follows from a proved theorem and numbers computed with an error bound, which is paid"
        " for; it is not an estimate."
    ),
    "computed": (
        "The head without the sample was itself computed, to an error that is known and added."
    ),
    "measured": "Seen in heads that were trained, which promises nothing for others.",
    "duality gap": (
        "How far, at most and relative to the best, the computed separator is from the true one;"
        " it says how exact the computation was."
    ),
    "bound": "A value that the true one cannot exceed; it can be much larger than the true one.",
}
