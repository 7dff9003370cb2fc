"""Text-classification tasks: from files, from the Hugging Face hub, and of this project's own."""
