"""Measure a set of training rows in one pass and in bounded memory."""

from dyag_core.quality.lengths import Ruler
from dyag_core.quality.measure import Measure

__all__ = ["Measure", "Ruler"]
