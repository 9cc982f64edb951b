"""Losses of regions: overlaps counted over an image or a batch."""
