"""The mean of many heads: setting, theorems, figures, story."""
