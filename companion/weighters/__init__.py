"""Weights for losses of several parts, by one interface: losses in, one scalar out.

From how the losses change: :class:`SoftAdapt`, :class:`ReLoBRaLo`, :class:`DWA`, :class:`FAMO`.

From how large they are: :class:`InitialScale`, :class:`LossNormalizer`, :class:`LogSum`, :class:`GeometricMean`,
:class:`UncertaintyWeighting`, :class:`SmoothTchebycheff`.

Without a look at them: :class:`Static`, :class:`Scheduled`, :class:`RandomWeighting`.

From the sizes of their gradients: :class:`GradNorm`, :class:`GradientScale`, :class:`DBMTL`.

From the conflicts of their gradients: :class:`MGDA`, :class:`PCGrad`, :class:`GradVac`, :class:`CAGrad`,
:class:`NashMTL`, :class:`FairGrad`, :class:`IMTLG`, :class:`AlignedMTL`, :class:`UPGrad`.

Schedules: :func:`linear_schedule`, :func:`cosine_schedule`, :func:`cyclical_schedule`, :func:`annealing_schedule`,
:func:`phase_schedule`, :func:`curriculum_schedules`.

To write another: :class:`Weighter`; what it did: :class:`History`.

Helpers: :func:`loss_weighting`, :func:`loss_annealing`, :func:`gradient_clipping`, :func:`integrate_scaling`.
"""

from companion.weighters._base import History, Weighter
from companion.weighters.aligned_mtl import AlignedMTL
from companion.weighters.cagrad import CAGrad
from companion.weighters.db_mtl import DBMTL
from companion.weighters.dwa import DWA
from companion.weighters.fairgrad import FairGrad
from companion.weighters.famo import FAMO
from companion.weighters.geometric_mean import GeometricMean
from companion.weighters.gradient_scale import GradientScale
from companion.weighters.gradnorm import GradNorm
from companion.weighters.gradvac import GradVac
from companion.weighters.helpers import gradient_clipping, integrate_scaling, loss_annealing, loss_weighting
from companion.weighters.imtlg import IMTLG
from companion.weighters.initial_scale import InitialScale
from companion.weighters.log_sum import LogSum
from companion.weighters.loss_normalizer import LossNormalizer
from companion.weighters.mgda import MGDA
from companion.weighters.nash_mtl import NashMTL
from companion.weighters.pcgrad import PCGrad
from companion.weighters.random_weighting import RandomWeighting
from companion.weighters.relobralo import ReLoBRaLo
from companion.weighters.scheduled import Scheduled
from companion.weighters.schedules import (
    annealing_schedule,
    cosine_schedule,
    curriculum_schedules,
    cyclical_schedule,
    linear_schedule,
    phase_schedule,
)
from companion.weighters.smooth_tchebycheff import SmoothTchebycheff
from companion.weighters.softadapt import SoftAdapt
from companion.weighters.static import Static
from companion.weighters.uncertainty_weighting import UncertaintyWeighting
from companion.weighters.upgrad import UPGrad

__all__ = [
    "DBMTL",
    "DWA",
    "FAMO",
    "IMTLG",
    "MGDA",
    "AlignedMTL",
    "CAGrad",
    "FairGrad",
    "GeometricMean",
    "GradNorm",
    "GradVac",
    "GradientScale",
    "History",
    "InitialScale",
    "LogSum",
    "LossNormalizer",
    "NashMTL",
    "PCGrad",
    "RandomWeighting",
    "ReLoBRaLo",
    "Scheduled",
    "SmoothTchebycheff",
    "SoftAdapt",
    "Static",
    "UPGrad",
    "UncertaintyWeighting",
    "Weighter",
    "annealing_schedule",
    "cosine_schedule",
    "curriculum_schedules",
    "cyclical_schedule",
    "gradient_clipping",
    "integrate_scaling",
    "linear_schedule",
    "loss_annealing",
    "loss_weighting",
    "phase_schedule",
]
