"""Certificates for features of one's own: what can be promised about a head trained on them."""
