"""`python -m tests.support.mutated_models --count 2000 --seed 1`: what a device makes of broken models; takes long."""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tabulate import tabulate

from device.interpreter import RUNTIMES
from tests.support.mutated_models.offers import Outcome, offers, start_quickly


def main() -> None:
    """Prints how many models came to which end, and the longest installation."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.mutated_models", description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1, help="of the first model; the others follow it")
    parser.add_argument("--model", default="fast")
    parser.add_argument("--runtime", choices=tuple(RUNTIMES), default=next(iter(RUNTIMES)))
    parser.add_argument("--processes", type=int, default=2)
    given = parser.parse_args()
    seeds = range(given.seed, given.seed + given.count)
    shares = [seeds[first :: given.processes] for first in range(given.processes)]
    # A process that a model brings down raises BrokenProcessPool here.
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(given.processes, spawn, start_quickly, (given.runtime,))
    with tempfile.TemporaryDirectory() as name, pool:
        folders = [Path(name) / str(number) for number in range(given.processes)]
        for folder in folders:
            folder.mkdir()
        models, runtimes = ([each] * given.processes for each in (given.model, given.runtime))
        tried = [offer for share in pool.map(offers, folders, models, runtimes, shares) for offer in share]
    counts = Counter(offer.outcome for offer in tried)
    print(tabulate([(outcome.value, counts[outcome]) for outcome in Outcome], headers=(given.runtime, "models")))
    longest = max(tried, key=lambda offer: offer.wall_s)
    print(f"longest {longest.wall_s:.1f} s (seed {longest.seed})")


if __name__ == "__main__":
    main()
