"""Own models that are converted once, by the command, for all tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.support.commands import pipeline
from tests.support.made_once import made_once

Workspace = Callable[[str], Path]


@pytest.fixture
def own_workspace(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Workspace:
    """Returns a copy of a folder with a network, its data, what `convert` printed, and its candidate `build/mine`."""

    def workspace(kind: str) -> Path:
        made = made_once(tmp_path_factory, f"own_{kind}", partial(_convert, kind))
        return Path(shutil.copytree(made, tmp_path / kind))

    return workspace


def _convert(kind: str, folder: Path) -> None:
    from tests.support import own_networks as own  # noqa: PLC0415  # imports TensorFlow

    others = {
        "bars": own.write_bars,
        "switches": own.write_switches,
        "two": own.write_two_outputs,
        "videos": own.write_videos,
    }
    others.get(kind, partial(own.write_waves, kind))(folder)
    data = "images" if kind == "bars" else "data.npz"
    units = ("--units", "mm") if kind == "values" else ()
    child = pipeline(folder, "convert", "net.keras", "--data", data, "--name", "mine", *units)
    assert child.returncode == 0, child.stderr
    (folder / "printed.txt").write_text(child.stdout)
