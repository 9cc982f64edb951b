"""Losses of classification when the classes are about even."""
