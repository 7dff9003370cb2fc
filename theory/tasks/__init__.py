"""Text-classification tasks as they are, encoded by a pretrained encoder: setting, theorems,
claims, story.
"""
