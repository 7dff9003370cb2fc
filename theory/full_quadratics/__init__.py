"""Full tuning with known constants: setting, theorems, figures, story."""
