"""Maximum-margin separators, of the whole sample and with each sample left out, with their
certificates.
"""
