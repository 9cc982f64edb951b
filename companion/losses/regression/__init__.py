"""Losses of numbers: residuals, quantiles, outliers, counts."""
