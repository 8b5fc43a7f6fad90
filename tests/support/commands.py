"""The command `python -m pipeline` in a child process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

# Nothing listens on port 1, so every download is refused at once.
OFFLINE = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:1")


def pipeline(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in `folder`, without ROWSTREAM_DATA and network, and with no keys but those made there."""
    kept = {name: value for name, value in os.environ.items() if name.lower() not in {"rowstream_data", "no_proxy"}}
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=folder,
        env={**kept, **OFFLINE, "PYTHONPATH": str(ROOT), "XDG_DATA_HOME": str(folder / "data"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def refused(child: subprocess.CompletedProcess[str]) -> str:
    """Returns the last line on stderr of a command with exit status 2, without output or traceback."""
    assert (child.returncode, child.stdout) == (2, "")
    assert "Traceback" not in child.stderr
    return child.stderr.splitlines()[-1]
