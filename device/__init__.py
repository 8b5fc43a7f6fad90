"""Rowstream's device side: runs a released model. Needs numpy and a TFLite interpreter."""

from .contract.manifest import Manifest, ManifestError
from .contract.predictions import BinaryPrediction, MultilabelPrediction, Prediction, StepsPrediction, ValuesPrediction
from .runner import Runner

__version__ = "0.1.0"

__all__ = [
    "BinaryPrediction",
    "Manifest",
    "ManifestError",
    "MultilabelPrediction",
    "Prediction",
    "Runner",
    "StepsPrediction",
    "ValuesPrediction",
]
