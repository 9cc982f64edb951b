"""Losses that come from one field of use: its prices, its kinds of mistake."""
