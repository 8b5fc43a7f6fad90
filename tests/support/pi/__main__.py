"""Prepares the emulated Raspberry Pis in a folder: `python -m tests.support.pi build/pi`.

If that is not possible now, for example because a mirror does not answer, it writes the reason to `not-run.txt` there,
and the tests are skipped with it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.pi.prepare import NotPreparedError, prepare


def main(folder: Path) -> None:
    """Prepares the folder, or says why not."""
    reason = folder / "not-run.txt"
    reason.unlink(missing_ok=True)
    try:
        prepare(folder)
    except NotPreparedError as error:
        folder.mkdir(parents=True, exist_ok=True)
        reason.write_text(f"{error}\n")
        sys.stderr.write(f"test-pi: not run: {error}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
