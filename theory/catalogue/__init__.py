"""The theorems under test, one file each; a new file is found by itself."""
