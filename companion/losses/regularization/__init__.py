"""Penalties and terms that are added to a loss."""
