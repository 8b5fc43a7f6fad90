"""Tests of `device.contract.answers`."""

from __future__ import annotations

import pytest

from device.contract.answers import Answers
from device.contract.golden import GoldenError
from device.contract.manifest import Runtime

LITERT = Runtime("ai-edge-litert", "2.3.0")
HERE = Answers("1" * 64, LITERT, "aarch64", "2" * 64)


def test_the_same_answers_pass_where_they_are_known() -> None:
    """A device that has what the maker had gives the maker's answers."""
    HERE.check((Answers("1" * 64, LITERT, "aarch64", "2" * 64),))


@pytest.mark.parametrize(
    "known",
    [
        Answers("1" * 64, Runtime("ai-edge-litert", "2.2.0"), "aarch64", "3" * 64),
        Answers("1" * 64, Runtime("tflite-runtime", "2.3.0"), "aarch64", "3" * 64),
        Answers("1" * 64, LITERT, "x86_64", "3" * 64),
    ],
    ids=["version", "runtime", "processor"],
)
def test_another_runtime_or_processor_may_answer_otherwise(known: Answers) -> None:
    """Kernels round differently, so that what is known of others says nothing here."""
    HERE.check((known,))


@pytest.mark.parametrize(
    "known",
    [Answers("1" * 64, LITERT, "aarch64", "3" * 64), Answers("3" * 64, LITERT, "aarch64", "2" * 64)],
    ids=["logits", "file"],
)
def test_other_answers_are_refused_where_they_are_known(known: Answers) -> None:
    """On the maker's runtime and processor, nothing may differ; the message names both."""
    with pytest.raises(GoldenError, match=r"but not those of ai-edge-litert 2\.3\.0 on aarch64"):
        HERE.check((Answers("1" * 64, LITERT, "x86_64", "3" * 64), known))
