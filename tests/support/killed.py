"""A child process that is killed at one of its writes, or has a full disk, for tests of what is left then."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from tests.support.checkout import ROOT, run_python

# Kills the process before the given number of steps that change something on the disk.
KILL = """
import os, signal
CHANGES = {{"os.rename", "os.remove", "os.rmdir", "os.mkdir"}}
left = {step}
def hook(event, arguments):
    global left
    if event in CHANGES or (event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)):
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
sys.addaudithook(hook)
"""
FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, ({max_bytes}, {max_bytes}))
"""
# Root may write everywhere.
UNPRIVILEGED = """
import os
if os.getuid() == 0:
    os.setuid(65534)
"""


def run(folder: Path, imports: str, before: str, body: str) -> subprocess.CompletedProcess[str]:
    """Runs `body` in `folder`, after everything is imported and `before` has been run."""
    code = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom pathlib import Path\n{imports}\n{before}\n{body}"
    return run_python("-c", code, folder=folder)


def killed_at_each_write(folder: Path, imports: str, body: str) -> Iterator[int]:
    """Yields after each run that was killed, one write later each time, until one is not killed."""
    for step in count():
        child = run(folder, imports, KILL.format(step=step), body)
        if child.returncode == 0:
            return
        assert child.returncode == -9, child.stderr
        yield step


def on_a_full_disk(folder: Path, imports: str, body: str, max_bytes: int = 100) -> subprocess.CompletedProcess[str]:
    """Runs in a process whose files cannot grow beyond some bytes: the next write is an OSError."""
    return run(folder, imports, FULL.format(max_bytes=max_bytes), body)
