"""
What the mean of several heads removes
======================================

512 heads follow descent from random starts. The mean of H of them strays from the mean of all
like :math:`1/\\sqrt H`; the distance of its direction from the separator, which all heads share,
does not fall like that.
"""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from tunebound import synthetic, tuning

sns.set_theme(style="ticks", palette="colorblind")
data = synthetic.make_separable("gaussian", n=40, d=20, margin=0.5, radius=3.0, seed=0)
starts = np.random.default_rng(0).standard_normal((512, data.d))
run = tuning.tune_heads(
    data.X, data.y, steps=1000, init=starts, heads=512, leave_one_out=False, record=[1000]
)
heads = run.head_weights[0]  # (512, d)
numbers = np.array([1, 2, 4, 8, 16, 32])
strayed, error = [], []
for number in numbers:
    means = heads.reshape(-1, number, data.d).mean(axis=1)
    directions = means / np.linalg.norm(means, axis=1, keepdims=True)
    strayed.append(np.linalg.norm(means - heads.mean(axis=0), axis=1).mean())
    error.append(np.linalg.norm(directions - data.separator, axis=1).mean())

figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
axis.loglog(numbers, strayed, "o-", label="from the mean of all heads (units of w)")
axis.loglog(numbers, error, "s-", label="direction, from the separator (0 to 2)")
axis.loglog(numbers, strayed[0] / np.sqrt(numbers), "k:", label="1/√H")
axis.set_xticks(numbers, numbers)
axis.set(xlabel="number of heads H in a mean", ylabel="mean distance of the groups")
axis.set_title("After 1,000 steps, on 40 samples in 20 features")
axis.legend()
plt.show()
