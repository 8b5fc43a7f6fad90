"""Tests of the words of `pipeline.gate.judge`; its verdicts are those of the command and of the sabotaged models."""

from __future__ import annotations

from pipeline.data.data_form import DIGITS, DataForm
from pipeline.gate.check import Note, passed, refused
from pipeline.gate.judge import worded


def test_sequences_are_called_inputs() -> None:
    """A check of sequences speaks of inputs, but a class or file keeps its name; one of images stays as it is."""
    check = refused("calibration images in test set", "3 of 9", "0 of 9", "3 images differ, the first is image 2")
    sequences = DataForm("sequence", (20, 2), None)
    found = worded(check, sequences)
    assert found == refused(
        "calibration inputs in test set", "3 of 9", "0 of 9", "3 inputs differ, the first is input 2"
    )
    assert worded(check, DIGITS) is check
    named = passed("recall drop", "0.10 pp, class image", "all images")
    assert worded(named, sequences) == passed("recall drop", "0.10 pp, class image", "all inputs")
    assert worded(Note("golden crops", "in images.npz"), sequences) == Note("golden inputs", "in images.npz")
