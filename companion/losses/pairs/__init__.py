"""Losses of pairs: which rows belong together, by their distance or their direction."""
