"""Tests of `python -m pipeline sweep`, in child processes, with worker processes of Ray where it is installed."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.own.recipe import DataRecipe, NetworkRecipe, Recipe, TrainingRecipe, read_recipe
from tests.support.checkout import ROOT
from tests.support.commands import OFFLINE, pipeline, refused
from tests.support.mosquitto import free_port
from tests.support.own_data import waves

HAS_RAY = importlib.util.find_spec("ray") is not None
NEEDS_RAY = pytest.mark.skipif(not HAS_RAY, reason="not run: Ray Tune is not installed, see the extra `sweep`")
# The packages of this process, Ray's among them, which may be on its path alone.
PATHS = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
# The network is built in a child of the trial's process, so its parent is what Ray started.
NETWORK = """
import os, signal, pathlib, keras
def build(units):
    with open("builds.txt", "a") as file:
        file.write(f"{units}\\n")
    victim = pathlib.Path("kill-one.txt")
    if units == 3 and victim.is_file():
        victim.unlink()
        os.kill(os.getppid(), signal.SIGKILL)
    if units == 0:
        raise ValueError("Expected units above 0")
    return keras.Sequential([keras.Input((20, 2)), keras.layers.LSTM(units), keras.layers.Dense(2)])
"""
SPACE = """
[recipe]
path = "recipe.toml"
[space]
units = [2, 3, 0]
[search]
min_epochs = 2
workers = {workers}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a network, its data, a recipe, and a space of three trials of which one is refused."""
    (tmp_path / "net.py").write_text(NETWORK)
    inputs, labels = waves(800)
    np.savez(tmp_path / "waves.npz", x=inputs, y=labels)
    network = NetworkRecipe("net.py:build")
    Recipe(network, DataRecipe("waves.npz"), TrainingRecipe(epochs=1)).write(tmp_path / "recipe.toml")
    (tmp_path / "space.toml").write_text(SPACE.format(workers=2))
    return tmp_path


def builds(folder: Path) -> list[str]:
    path = folder / "builds.txt"
    return path.read_text().split() if path.is_file() else []


@pytest.mark.thorough
def test_code_is_run_with_trust_alone(folder: Path) -> None:
    """A sweep runs a build function, so it needs `--trust`."""
    assert "Expected trust in this code, because it is run: --trust" in refused(pipeline(folder, "sweep", "space.toml"))


@pytest.mark.thorough
def test_a_file_takes_no_arguments(folder: Path) -> None:
    """Widths need a build function: a recipe with a file is refused before any trial."""
    file = folder / "net.h5"
    file.write_bytes(b"\x89HDF\r\n\x1a\n")
    Recipe(NetworkRecipe("net.h5"), DataRecipe("waves.npz")).write(folder / "recipe.toml")
    message = refused(pipeline(folder, "sweep", "space.toml", "--trust"))
    expected = "Expected FILE.py:FUNCTION or MODULE:FUNCTION, which takes units. Received: a file"
    assert message == f"error: {file}: {expected}"


@pytest.mark.thorough
@pytest.mark.skipif(HAS_RAY, reason="not run: Ray Tune is installed")
def test_without_ray_the_command_says_how_to_install_it(folder: Path) -> None:
    """The exit status is 2, and the message names the extra."""
    message = refused(pipeline(folder, "sweep", "space.toml", "--trust"))
    assert message.startswith("error: Expected Ray Tune: pip install 'rowstream[sweep]'")


@NEEDS_RAY
@pytest.mark.slow
def test_a_killed_worker_is_started_again_and_a_finished_sweep_is_not(folder: Path) -> None:
    """With two workers of which one is killed, each trial ends; a refused one has its reason; again, none is run."""
    (folder / "kill-one.txt").touch()
    child = pipeline(folder, "sweep", "space.toml", "--trust", "--name", "mine", PYTHONPATH=PATHS)
    assert child.returncode == 0, child.stderr
    assert not (folder / "kill-one.txt").exists()
    assert sorted(builds(folder)) == ["0", "2", "3", "3"]
    found = json.loads((folder / "build/sweep/mine/results.json").read_text())
    units = {trial["parameters"]["units"]: trial for trial in found["trials"]}
    assert units[0]["measured"] is None
    assert units[0]["reason"] == "Expected units above 0"
    assert units[2]["measured"]["multiply_accumulates"] == 628
    assert units[3]["measured"]["multiply_accumulates"] == 1_170
    best = found["trials"][found["best"]]["parameters"]["units"]
    recipe = read_recipe(folder / "build/sweep/mine/recipe.toml")
    assert recipe.network == NetworkRecipe("../../../net.py:build", {"units": best})
    assert (folder / "build/sweep/mine/front.svg").is_file()
    again = pipeline(folder, "sweep", "space.toml", "--trust", "--name", "mine", PYTHONPATH=PATHS)
    assert (again.returncode, again.stdout) == (0, child.stdout)
    assert len(builds(folder)) == 4
    (folder / "space.toml").write_text(SPACE.format(workers=2).replace("3", "5"))
    other = refused(pipeline(folder, "sweep", "space.toml", "--trust", "--name", "mine", PYTHONPATH=PATHS))
    assert "Expected the trials that were begun there. Received: others" in other


@NEEDS_RAY
@pytest.mark.slow
def test_an_interrupted_sweep_goes_on(folder: Path) -> None:
    """After Ctrl-C in the second trial the status is 130, and the same command ends all trials."""
    (folder / "space.toml").write_text(SPACE.format(workers=1))
    command = [sys.executable, "-m", "pipeline", "sweep", "space.toml", "--trust"]
    environment = {**os.environ, "PYTHONPATH": PATHS}
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True) as child:
        while len(builds(folder)) < 2 and child.poll() is None:
            time.sleep(0.1)
        child.send_signal(signal.SIGINT)
        _, log = child.communicate()
    assert child.returncode == 130, log
    again = pipeline(folder, "sweep", "space.toml", "--trust", PYTHONPATH=PATHS)
    assert again.returncode == 0, again.stderr
    found = json.loads((folder / "build/sweep/space/results.json").read_text())
    assert [trial["measured"] is None for trial in found["trials"]].count(True) == 1


@NEEDS_RAY
@pytest.mark.parametrize("address", ["127.0.0.1:1", "cluster"])
def test_a_cluster_that_does_not_answer_is_named(folder: Path, address: str) -> None:
    message = refused(pipeline(folder, "sweep", "space.toml", "--trust", "--address", address, PYTHONPATH=PATHS))
    assert message.startswith(f"error: {address}: Expected HOST:PORT of a cluster of Ray. ")


@NEEDS_RAY
@pytest.mark.slow
def test_trials_run_on_a_cluster(folder: Path) -> None:
    """With `--address` they run on a Ray that was started before, which goes on."""
    port, paths = free_port(), {"PYTHONPATH": PATHS, "RAY_AUTH_MODE": "token"}
    environment = {**os.environ, **paths}
    command = [sys.executable, "-m", "ray.scripts.scripts"]
    head = [*command, "start", "--head", f"--port={port}", "--num-cpus=2", "--include-dashboard=false"]
    subprocess.run(head, cwd=folder, env=environment, check=True, capture_output=True)
    try:
        address, direct = f"127.0.0.1:{port}", dict.fromkeys(OFFLINE, "")
        child = pipeline(folder, "sweep", "space.toml", "--trust", "--address", address, **paths, **direct)
    finally:
        subprocess.run([*command, "stop", "--force"], env=environment, check=True, capture_output=True)
    assert child.returncode == 0, child.stderr
    assert sorted(builds(folder)) == ["0", "2", "3"]
