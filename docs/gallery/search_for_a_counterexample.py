"""
A search for a counterexample
=============================

`theory.falsify` looks for small data on which a statement is closest to failing. Here: the
conjecture that B/(γn) bounds the mean distance at every step. It finds four samples on which the
first step is above.
"""

import matplotlib.pyplot as plt
import seaborn as sns

from tunebound import bounds, theory, tuning

sns.set_theme(style="ticks", palette="colorblind")
found = theory.falsify("H-constant-1", budget=500, seed=1)
print(found)

# %%
# The same data over more steps, and the bound that is proved:

data = found.data
separator = bounds.max_margin(data.X, data.y)
sizes = {"n": data.n, "margin": separator.margin, "radius": data.radius}
run = tuning.tune_heads(data.X, data.y, steps=100)

figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
axis.semilogx(run.steps, run.direction_distance.mean(axis=1), "o-", label="measured")
axis.axhline(
    bounds.head.anytime_plain(**sizes) / 2, ls="--", color="C1", label="conjectured: B/(γn)"
)
axis.axhline(bounds.head.anytime(**sizes), ls=":", color="C2", label="proved: C(B/γ) B/(γn)")
axis.set(xlabel="number of gradient steps t", ylabel="mean distance of unit directions (0 to 2)")
axis.set_title(f"What the search found: {data.n} samples, {data.d} features")
axis.legend()
plt.show()
