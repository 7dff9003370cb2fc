"""Head tuning on separable data: setting, theorems, figures, story."""
