"""Text-classification tasks with the whole encoder fine-tuned, by the remedies and plainly."""
