"""Rowstream's device side: reads crops with a released model. Needs numpy and a TFLite interpreter."""

from .manifest import Manifest, ManifestError
from .runner import Prediction, Runner

__version__ = "0.1.0"

__all__ = ["Manifest", "ManifestError", "Prediction", "Runner"]
