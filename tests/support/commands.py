"""The command `python -m pipeline` in a child process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


def pipeline(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in `folder`, where ROWSTREAM_DATA names nothing and no network can be reached."""
    kept = {name: value for name, value in os.environ.items() if name.lower() not in {"rowstream_data", "no_proxy"}}
    # Nothing listens on a machine's port 1: whatever asks for a download is refused at once.
    offline = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:1")
    return subprocess.run(
        [sys.executable, "-m", "pipeline", *arguments],
        cwd=folder,
        env={**kept, **offline, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def refused(child: subprocess.CompletedProcess[str]) -> str:
    """The last line on stderr of a command that gave no result, exit status 2 and no traceback."""
    assert (child.returncode, child.stdout) == (2, "")
    assert "Traceback" not in child.stderr
    return child.stderr.splitlines()[-1]
