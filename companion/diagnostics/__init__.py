"""Diagnostics: they look, report and change nothing.

Labels
    :func:`label_noise`
"""

from companion.diagnostics.label_noise import LabelNoise, label_noise

__all__ = ["LabelNoise", "label_noise"]
