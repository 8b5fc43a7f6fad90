"""Tests of broken models behind valid signatures: none becomes `current` whose logits for the golden inputs are others.

`python -m tests.support.mutated_models` tries thousands.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import EITHER_RUNTIME
from tests.support.checkout import THOROUGH, run_python
from tests.support.mutated_models.offers import Outcome, offers

OFTEN = (Outcome.READER, Outcome.OUTPUTS, Outcome.WITHIN, Outcome.EXACT)
# Reserves a gigabyte in a process that is limited as the self-test's is.
RESERVES = """
from device.cli.verify import _limit_memory
_limit_memory(1)
held = bytearray(1 << 28)
try:
    bytearray(1 << 30)
except MemoryError:
    print("refused")
"""


@pytest.mark.slow
def test_a_broken_model_is_refused_or_answers_right(tmp_path: Path) -> None:
    """Of a released model, changed in each way, what is installed has exactly its logits for the golden inputs."""
    tried = offers(tmp_path, "fast", "ai-edge-litert", range(60 if THOROUGH else 6))
    assert {offer.outcome for offer in tried} >= ({*OFTEN} if THOROUGH else {Outcome.READER})


@pytest.mark.thorough
@pytest.mark.parametrize("runtime", EITHER_RUNTIME[1:])
def test_a_crash_is_the_self_tests_alone(runtime: str) -> None:
    """Of models on which tflite-runtime crashes, the device says so, and keeps its release."""
    child = run_python("-m", "tests.support.mutated_models", "--count", "60", "--runtime", runtime)
    counts = dict(line.rsplit(maxsplit=1) for line in child.stdout.splitlines())
    assert child.returncode == 0, child.stderr
    assert int(counts["crash by a signal"]) > 0


@pytest.mark.skipif("sys.platform != 'linux'", reason="memory is limited on Linux alone")
def test_a_self_test_may_take_half_a_gigabyte() -> None:
    """A model is refused more memory than it needs, before the device has none left."""
    assert run_python("-c", RESERVES).stdout == "refused\n"
