"""Losses of structures: sequences, energies, graphs."""
