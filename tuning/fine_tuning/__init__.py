"""Fine-tuning of encoders by every method, and the losses of the remedies."""
