"""Tests with damaged manifests: 2,000 of each model if ROWSTREAM_THOROUGH is set, otherwise 150."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MODELS, run_python
from tests.support.checkout import THOROUGH
from tests.support.manifests import damaged

MANIFESTS = 2_000 if THOROUGH else 150

# One process for all of them, which a crash of the interpreter would end.
READ = """
import sys
from pathlib import Path
from device.runner import Runner
for folder in map(Path, sys.argv[1:]):
    try:
        with Runner(folder) as runner:
            runner.read(__import__("numpy").zeros((28, 28), "uint8"))
    except (ValueError, OSError) as error:
        print(folder.name, "refused", str(error)[:20].encode())
    except Exception as error:
        print(folder.name, "wrong", repr(error)[:500])
    else:
        print(folder.name, "read")
"""


@pytest.mark.sampled
def test_a_damaged_manifest_is_refused_or_read(variant: str, tmp_path: Path) -> None:
    """No manifest crashes the runner or hangs it: it is refused with a ValueError or OSError, or the model reads."""
    manifest = (MODELS / variant / "manifest.json").read_bytes()
    for seed in range(MANIFESTS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        (folder / "model.int8.tflite").symlink_to(MODELS / variant / "model.int8.tflite")
        (folder / "manifest.json").write_bytes(damaged(manifest, seed))
    child = run_python("-c", READ, *(tmp_path / str(seed) for seed in range(MANIFESTS)))
    assert child.returncode == 0, child.stderr
    said = [line.split(maxsplit=2) for line in child.stdout.splitlines()]
    assert [line for line in said if line[1] == "wrong"] == []
    assert len(said) == MANIFESTS
    assert sum(line[1] == "refused" for line in said) > MANIFESTS / 2
