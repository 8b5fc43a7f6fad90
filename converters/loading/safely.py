"""Loads a network in a child process, so that a crash or a hang of its reader becomes an error."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from converters.loading.source import LoadError, read_source
from converters.workspace import ROOT

log = logging.getLogger(__name__)

TIMEOUT_S = 600.0
_NO_ARGUMENTS: Mapping[str, Any] = MappingProxyType({})


def loaded_safely(
    source: str,
    trust: bool,
    into: Path,
    timeout_s: float = TIMEOUT_S,
    arguments: Mapping[str, Any] = _NO_ARGUMENTS,
) -> Path:
    """Return `into`, a `.keras` file of Keras 3 with the network at `source`, which a child process wrote.

    A build function is called with the `arguments`, which JSON can hold.

    Raises LoadError with the reason if the source is not a network, needs code without `trust`, crashes its reader, or
    takes longer than `timeout_s`.
    """
    found = read_source(source, trust=trust)
    with tempfile.TemporaryDirectory(prefix="rowstream-") as folder:
        reason, written = Path(folder) / "reason.txt", Path(folder) / "network.keras"
        trusted, given = "trust" if trust else "safe", json.dumps(dict(arguments))
        ended = _ended((source, trusted, given, str(written), str(reason), str(Path.cwd())), timeout_s)
        if reason.is_file():
            raise LoadError(reason.read_text(encoding="utf-8"))
        if ended or not written.is_file():
            raise LoadError(f"{found}: Expected a network. Received: its reader {ended or 'wrote none'}")
        into.write_bytes(written.read_bytes())
    return into


def _ended(arguments: tuple[str, ...], timeout_s: float) -> str:
    """Return how the child process failed, "" if it did not."""
    command = [sys.executable, "-m", "converters.loading.child", *arguments]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    try:
        child = subprocess.run(
            command, cwd=ROOT, env=quiet, capture_output=True, text=True, check=False, timeout=timeout_s
        )
    except subprocess.TimeoutExpired:
        return f"did not end within {timeout_s:g} s"
    log.debug("The reader's stderr:\n%s", child.stderr)
    if child.returncode < 0:
        return f"ended with {signal.Signals(-child.returncode).name}"
    return f"ended with status {child.returncode}" if child.returncode else ""
