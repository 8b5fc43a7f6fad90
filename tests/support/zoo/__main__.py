"""`python -m tests.support.zoo [NAME…]`: converts every network of the zoo to int8 and prints a table; takes long."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tabulate import tabulate

from device.interpreter import RUNTIMES
from tests.support.zoo.convert import converted
from tests.support.zoo.equality import equalities
from tests.support.zoo.measure import ZOO, built


def main(names: Sequence[str]) -> None:
    """Prints a line for each network: its size, signatures, distance from Keras and from step to whole, and reasons."""
    with tempfile.TemporaryDirectory() as folder:
        print(tabulate([_row(name, Path(folder)) for name in names], headers=_HEADERS))


_HEADERS = ("network", "bytes", "signatures", "dB", *(f"differ on {each}" for each in RUNTIMES), "remarks")


def _row(name: str, parent: Path) -> tuple[object, ...]:
    folder = parent / name.replace(" ", "_")
    folder.mkdir()
    try:
        result = converted(built(ZOO[name]), folder)
    except Exception as error:  # noqa: BLE001  # the next network is not at fault
        return name, "", "", "", *[""] * len(RUNTIMES), f"{type(error).__name__}: {error}"
    noise = "" if result.signal_to_noise_db is None else f"{result.signal_to_noise_db:.0f}"
    found = [equalities(runtime, [folder])[folder.name] for runtime in RUNTIMES]
    equal = [f"{each.different} of {each.n}" if each.ran else "does not run" for each in found]
    print(name, file=sys.stderr)
    return (
        name,
        result.n_bytes,
        "+".join(result.signatures),
        noise,
        *equal,
        " ".join(result.unknown) or result.not_streamable,
    )


if __name__ == "__main__":
    main(sys.argv[1:] or list(ZOO))
