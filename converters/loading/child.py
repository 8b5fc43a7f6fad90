"""The child process of `converters.loading.safely`: SOURCE TRUST ARGUMENTS INTO REASON FOLDER.

ARGUMENTS are those of a build function, as JSON. The reason of a failure is written to REASON.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converters.loading.load import load_network


def main(source: str, arguments: Mapping[str, Any], *, trust: bool, into: Path, reason: Path) -> int:
    """Load the network and save it for Keras 3; if that fails, write the reason and return 1."""
    try:
        load_network(source, arguments, trust=trust).save(into)
    except Exception as error:  # noqa: BLE001  # a build function raises anything
        reason.write_text(str(error) or type(error).__name__, encoding="utf-8")
        return 1
    return 0


if __name__ == "__main__":
    logging.basicConfig(format="%(message)s", level=logging.WARNING, stream=sys.stderr)
    named, trusted, given, target, notes, folder = sys.argv[1:]
    os.chdir(folder)  # where the user names files and modules
    sys.exit(main(named, json.loads(given), trust=trusted == "trust", into=Path(target), reason=Path(notes)))
