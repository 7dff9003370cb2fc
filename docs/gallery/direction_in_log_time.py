"""
A direction in log-time
=======================

Heads turn towards the separator like :math:`1/\\ln t`. `tuning.flow_heads` follows them to
:math:`t = 10^{100}`; `bounds.asymptote` says what their asymptotic expansion predicts, and when
it begins to hold.
"""

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns

from tunebound import bounds, synthetic, tuning

sns.set_theme(style="ticks", palette="colorblind")
data = synthetic.make_separable("gaussian", n=40, d=4, margin=0.5, radius=3.0, seed=1)
run = tuning.flow_heads(data.X, data.y, until=1e100, leave_one_out=False)
error = np.linalg.norm(run.path / run.norm - data.separator, axis=1)
asymptote = bounds.asymptote(data.X, data.y, learning_rate=run.learning_rate)
late = run.steps >= 10

figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
axis.loglog(run.steps, error, lw=3, label="followed")
axis.loglog(
    run.steps[late],
    asymptote.direction_error(run.steps[late]),
    "--",
    lw=2,
    label=r"predicted: $w_S \ln t + \tilde w$",
)
axis.axvline(np.exp(asymptote.onset), color="black", ls=":", label="computed onset")
axis.set(xlabel="number of gradient steps t", ylabel="distance from the separator (0 to 2)")
axis.set_title("Direction of the head on all samples")
axis.legend()
plt.show()
