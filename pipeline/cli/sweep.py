"""The command that searches for a network's parameters; see `commands`."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from device.files.whole_file import write_whole
from pipeline.cli.command import Command
from pipeline.cli.own import chosen_name
from pipeline.folders import SweepFolder, sweep_folder
from pipeline.lock import folder_lock

if TYPE_CHECKING:  # the other commands do not wait for what draws the trials
    from pipeline.own.recipe import Recipe
    from pipeline.sweep.results import Results
    from pipeline.sweep.space import Space, Trials


@dataclass(frozen=True)
class Sweep:
    """Search widths, depths, learning rates and the like of an own network; the same command goes on after a stop."""

    space: Space
    name: str
    address: str
    trust: bool

    def run(self) -> None:
        from pipeline.sweep.space import trial_recipes

        trials = trial_recipes(self.space)
        _require_build_function(trials[0][1], self.space, trust=self.trust)
        folder = sweep_folder(self.name)
        with folder_lock(folder.path):
            results = self._run(trials, folder)
            from pipeline.sweep.picture import draw_front

            write_whole(folder.results, results.json)
            trials[results.best.number][1].beside(folder.path).write(folder.recipe)
            draw_front(results, folder.front)
        print(results.table)
        print(f"python -m pipeline train {folder.recipe} --trust --name {self.name}")

    def _run(self, trials: Trials, folder: SweepFolder) -> Results:
        try:
            from pipeline.sweep.search import Job, run
        except ImportError as error:
            raise RuntimeError(f"Expected Ray Tune: pip install 'rowstream[sweep]'. {error}") from error
        _require_same(self.space, trials, folder)
        # Ray writes warnings of lost processes to stdout, which is for the results.
        with contextlib.redirect_stdout(sys.stderr):
            return run(Job(trials, self.space.search, Path.cwd()), folder.state.resolve(), self.address or None)


def sweep(space: Path, name: str, address: str, *, trust: bool) -> Command:
    """Returns the command that runs a sweep; raises RecipeError, which names the entry, if it cannot be read."""
    from pipeline.sweep.space import read_space

    return Sweep(read_space(space), chosen_name(name, str(space)), address, trust)


def _require_build_function(recipe: Recipe, space: Space, *, trust: bool) -> None:
    from converters.loading.source import read_source

    source = read_source(recipe.network.source, trust=trust)
    arguments = [name for name in space.parameters if "." not in name]
    if source.form != "function" and arguments:
        expected = f"{source}: Expected FILE.py:FUNCTION or MODULE:FUNCTION, which takes {', '.join(arguments)}"
        raise ValueError(f"{expected}. Received: a file")


def _require_same(space: Space, trials: Trials, folder: SweepFolder) -> None:
    """Writes which trials a folder is for; raises ValueError if it is for others. Workers may differ."""
    recipes = [dataclasses.asdict(recipe) for _, recipe in trials]
    search = {**dataclasses.asdict(space.search), "workers": None}
    wanted = json.dumps({"search": search, "trials": recipes}, indent=2) + "\n"
    if not folder.trials.is_file():
        write_whole(folder.trials, wanted)
    elif folder.trials.read_text(encoding="utf-8") != wanted:
        expected = f"{folder.path}: Expected the trials that were begun there"
        raise ValueError(f"{expected}. Received: others. Name another folder with --name, or delete this one")
