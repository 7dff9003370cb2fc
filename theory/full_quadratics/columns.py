"""Columns of the environments of this setting: design factors, constants, certificates, results."""

from __future__ import annotations

KIND = "kind"
SPECTRUM = "spectrum"
ROTATED = "rotated"
INTERPOLATES = "interpolates"
N = "n"
D = "d"
KAPPA = "kappa"
DISTANCE = "distance"
SEED = "seed"
WEIGHTING = "weighting"
LIPSCHITZ = "lipschitz"
MU = "mu"
BETA = "beta"
LARGEST_INSTABILITY = "largest_instability"
