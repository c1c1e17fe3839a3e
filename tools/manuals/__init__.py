"""Debian's documentation packages as a corpus of plain-text documents. Standard library only."""
