"""Losses for rare classes and for unequal costs."""
