"""`rowstream verify`: whether a model answers here as it did when it was made.

The model runs in a child process, because a broken one may crash the interpreter or never return.
"""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import signal
import sys
from collections.abc import Mapping
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TextIO

from ..contract.answers import Answers
from ..exit_status import ExitStatus
from ..runner import Runner, model_folder
from .options import VerifyOptions

if TYPE_CHECKING:  # Windows lacks one of them
    from multiprocessing.context import ForkServerContext, SpawnContext

# What a model may take of the memory, and a thread of its stack, over what the process has at its start.
_MODEL_BYTES, _THREAD_BYTES = 1 << 29, 1 << 24
_ANSWER_BYTES = 1 << 20
# Nothing of this process: threads and locks of a runtime do not outlive a fork.
_CONTEXT: SpawnContext | ForkServerContext = multiprocessing.get_context("spawn")


def verify(options: VerifyOptions, output: TextIO) -> ExitStatus:
    """Prints the verdict on a model, or its answers: status 0 if it passes, 1 if it is refused.

    Raises OSError if a file cannot be read, and ImportError if no interpreter is installed.
    """
    folder = model_folder(options.model.path)
    try:
        said = _answer_in_child(options)
        output.write(f"{said}\n" if options.answers else f"{folder}: passed: {said}\n")
    except _RefusedError as error:
        # A runtime's own messages may have several lines.
        output.write(f"{folder}: refused: {' '.join(str(error).split())}\n")
        return ExitStatus.REFUSED
    return ExitStatus.FINE


class _RefusedError(Exception):
    """A model is refused; the message says why."""


_ERRORS: Mapping[str, type[Exception]] = MappingProxyType(
    {"refused": _RefusedError, "import": ImportError, "file": OSError}
)


def _answer_in_child(options: VerifyOptions) -> str:
    """Returns what a child process says of the golden inputs; raises _RefusedError if it ends without, or too late."""
    receiver, sender = _CONTEXT.Pipe(duplex=False)
    child = _CONTEXT.Process(target=_send_answer, args=(sender, options), daemon=True)
    with closing(receiver):
        child.start()
        sender.close()
        try:
            if not receiver.poll(options.timeout_s):
                raise _RefusedError(f"no answer within {options.timeout_s:g} s")
            # Not pickled: what a broken model leaves of a process must not choose what is run here.
            kind, text = json.loads(receiver.recv_bytes(_ANSWER_BYTES))
        except EOFError:
            child.join()
            raise _RefusedError(f"the process that ran it ended with {_ending(child.exitcode)}") from None
        finally:
            child.kill()
            child.join()
    if kind in _ERRORS:
        raise _ERRORS[kind](text)
    return str(text)


def _send_answer(sender: Connection, options: VerifyOptions) -> None:
    _limit_memory(options.model.threads)
    try:
        answer = "passed", _answer(options)
    except ValueError as error:
        answer = "refused", str(error)
    except ImportError as error:
        answer = "import", str(error)
    except OSError as error:
        answer = "file", str(error)
    sender.send_bytes(json.dumps(answer).encode())


def _limit_memory(threads: int) -> None:
    """Has the process refused memory that no model needs, before the device has none left.

    Source: `man 2 setrlimit`, RLIMIT_DATA, which counts all private memory on Linux alone.
    """
    if sys.platform != "linux":
        return
    import resource  # noqa: PLC0415  # not on Windows

    pages = int(Path("/proc/self/statm").read_text().split()[5])
    limit = pages * resource.getpagesize() + _MODEL_BYTES + threads * _THREAD_BYTES
    allowed = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if allowed == resource.RLIM_INFINITY or limit < allowed:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, allowed))


def _answer(options: VerifyOptions) -> str:
    with options.model.open() as runner:
        answers, golden = exact_answers(runner), runner.golden
    answers.check(options.known)
    if options.answers:
        return json.dumps(dataclasses.asdict(answers))
    runtime = f"{answers.runtime.name} {answers.runtime.version}"
    return f"{len(golden.crops)} golden {golden.name}s, whole and line by line, on {runtime}"


def exact_answers(runner: Runner) -> Answers:
    """Returns a model's answers to its golden inputs here; raises GoldenError if they are wrong."""
    from ..update.hardware import processor  # noqa: PLC0415  # in the child alone

    logits_sha256 = runner.golden.check_all(runner.logits, runner.step_logits)
    return Answers(runner.manifest.file.sha256, runner.runtime, processor(), logits_sha256)


def _ending(status: int | None) -> str:
    if status is not None and status < 0:
        return signal.Signals(-status).name
    return f"status {status}"
