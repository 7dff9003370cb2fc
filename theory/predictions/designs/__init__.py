"""One module a factor; every `Design` in them is found without being listed."""
