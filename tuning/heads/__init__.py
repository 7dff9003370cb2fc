"""Linear heads on frozen features: gradient descent and its flow, with each sample left out."""
