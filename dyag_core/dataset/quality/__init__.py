"""Measure a set of training rows in one pass and in bounded memory."""

from dyag_core.dataset.quality.lengths import Ruler
from dyag_core.dataset.quality.measure import Measure

__all__ = ["Measure", "Ruler"]
