"""Full tuning of small networks: setting, theorems, figures, story."""
