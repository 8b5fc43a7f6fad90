"""Runs the trials of a sweep in processes of Ray Tune, which stops bad ones early and starts killed ones again.

Source: Li, Jamieson, Rostamizadeh, Gonina, Hardt, Recht, Talwalkar, A System for Massively Parallel Hyperparameter
Tuning, 2020 (ASHA).
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import math
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler

from pipeline.own.own_model import OwnModel
from pipeline.sweep.results import Measured, Results, Trial
from pipeline.sweep.space import SearchRecipe, Trials

log = logging.getLogger(__name__)

# How often a trial is started again after its process was killed.
_MAX_FAILURES = 3
# No trial ends by its number of epochs here: the recipe says how many there are.
_MAX_EPOCHS = 10**6
_ANSWERS_WITHIN_S = 10


@dataclass(frozen=True)
class Job:
    """The trials' parameters and recipes, and the folder in which the recipes' paths are named."""

    trials: Trials
    search: SearchRecipe
    folder: Path


def run(job: Job, state: Path, address: str | None) -> Results:
    """Runs all trials and returns what they found; those that `state` says are done are not run again.

    With an `address`, they run on that cluster of Ray. Raises ValueError if nothing answers there; what Ray raises
    passes through.
    """
    if address:
        _require_answer(address)
    with _started(job.search, address):
        trainable = functools.partial(_trial, job=job)
        if tune.Tuner.can_restore(state):
            log.info("%s: going on", state)
            tuner = tune.Tuner.restore(str(state), trainable, restart_errored=True)
        else:
            tuner = _tuner(job, state, trainable)
        found = {result.config["trial"]: _result(job, result) for result in tuner.fit()}
    return Results(tuple(found[number] for number in sorted(found)), job.search.metric)


class _Progress(tune.Callback):  # type: ignore[misc]  # Ray is untyped
    """Logs each trial at its end."""

    def on_trial_complete(self, *, trials: list[Any], trial: Any, **_: Any) -> None:
        ended = sum(each.is_finished() for each in trials)
        log.info("trial %s ended, %s of %s", trial.config["trial"], ended, len(trials))


def _require_answer(address: str) -> None:
    """Connects once, since Ray itself tries for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), _ANSWERS_WITHIN_S).close()
    except (OSError, ValueError) as error:
        raise ValueError(f"{address}: Expected HOST:PORT of a cluster of Ray. {error}") from error


@contextmanager
def _started(search: SearchRecipe, address: str | None) -> Iterator[None]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ctrl-C ends the command; the same command goes on.
    os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")
    # Its newer log heeds no verbosity.
    os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
    settings: dict[str, Any] = {"address": address} if address else {"num_cpus": search.workers}
    ray.init(log_to_driver=False, logging_level=logging.ERROR, include_dashboard=None if address else False, **settings)
    try:
        yield
    finally:
        ray.shutdown()


def _tuner(job: Job, state: Path, trainable: Any) -> Any:
    search = job.search
    scheduler = ASHAScheduler(time_attr="epoch", max_t=_MAX_EPOCHS, grace_period=search.min_epochs)
    return tune.Tuner(
        trainable,
        param_space={"trial": tune.grid_search(list(range(len(job.trials))))},
        tune_config=tune.TuneConfig(
            metric="validation_loss", mode="min", scheduler=scheduler, max_concurrent_trials=search.workers
        ),
        run_config=tune.RunConfig(
            name=state.name,
            storage_path=str(state.parent),
            failure_config=tune.FailureConfig(max_failures=_MAX_FAILURES),
            callbacks=[_Progress()],
            verbose=0,
        ),
    )


def _trial(config: Mapping[str, Any], job: Job) -> None:
    """Runs in a process of Ray: reports each epoch, then the figures or why there are none."""
    from pipeline.sweep.trial import Epoch, measured  # noqa: PLC0415  # TensorFlow, in the trial's process alone

    os.chdir(job.folder)
    model = OwnModel(job.trials[config["trial"]][1], f"trial{config['trial']}", trust=True)
    try:
        epoch, figures = measured(model, job.search.metric, lambda done: tune.report(dataclasses.asdict(done)))
        report: dict[str, Any] = {"figures": dataclasses.asdict(figures), "reason": ""}
    except (OSError, ValueError, RuntimeError) as error:
        # The same would happen again.
        epoch, report = Epoch(0, math.inf), {"figures": None, "reason": str(error)}
    tune.report({**dataclasses.asdict(epoch), **report})


def _result(job: Job, result: Any) -> Trial:
    number, metrics = result.config["trial"], result.metrics or {}
    figures = metrics.get("figures")
    reason = metrics.get("reason") or f"stopped early after {metrics.get('epoch', 0)} epochs"
    if result.error is not None:
        reason = f"its process ended {_MAX_FAILURES + 1} times"
    parameters, _ = job.trials[number]
    return (
        Trial(number, parameters, None, reason) if figures is None else Trial(number, parameters, Measured(**figures))
    )
