"""Diagnostics: they look, report and change nothing.

What they say
    :class:`Report`, :class:`Finding`
Data
    :func:`profile_data`, :func:`recommend`, :func:`label_noise`
A loss
    :func:`check_loss`, :func:`gradient_share`, :func:`gradient_conflict`
Training
    :class:`TrainingMonitor`, :func:`lr_range_test`
After training
    :func:`calibration`, :func:`loss_landscape`, :func:`hessian_top_eigenvalues`
"""

from companion.diagnostics._findings import Finding, Report
from companion.diagnostics.calibration import Calibration, calibration
from companion.diagnostics.check_loss import check_loss
from companion.diagnostics.gradient_conflict import GradientConflict, gradient_conflict
from companion.diagnostics.gradient_share import GradientShare, gradient_share
from companion.diagnostics.hessian_top_eigenvalues import HessianEigenvalues, hessian_top_eigenvalues
from companion.diagnostics.label_noise import LabelNoise, label_noise
from companion.diagnostics.loss_landscape import Landscape, loss_landscape
from companion.diagnostics.lr_range_test import LRRange, lr_range_test
from companion.diagnostics.profile_data import DataProfile, profile_data
from companion.diagnostics.recommend import Recommendation, recommend
from companion.diagnostics.training_monitor import TrainingMonitor

__all__ = [
    "Calibration",
    "DataProfile",
    "Finding",
    "GradientConflict",
    "GradientShare",
    "HessianEigenvalues",
    "LRRange",
    "LabelNoise",
    "Landscape",
    "Recommendation",
    "Report",
    "TrainingMonitor",
    "calibration",
    "check_loss",
    "gradient_conflict",
    "gradient_share",
    "hessian_top_eigenvalues",
    "label_noise",
    "loss_landscape",
    "lr_range_test",
    "profile_data",
    "recommend",
]
