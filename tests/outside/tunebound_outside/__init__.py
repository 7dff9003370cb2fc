"""A family, a fine-tuning method and a theorem, added to tunebound from outside."""
