"""Small encoders of token sequences, their pre-training and re-training."""
