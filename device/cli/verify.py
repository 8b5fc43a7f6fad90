"""`python -m device verify`: whether a model answers here as it did when it was made.

The model runs in a child process, because a broken one may crash the interpreter or never return.
"""

from __future__ import annotations

import multiprocessing
import signal
from contextlib import closing
from multiprocessing.connection import Connection
from typing import TextIO

from ..exit_status import ExitStatus
from ..runner import model_folder
from .options import ModelOptions, VerifyOptions


def verify(options: VerifyOptions, output: TextIO) -> ExitStatus:
    """Prints the verdict on a model: status 0 if it passes, 1 if it is refused.

    Raises OSError if a file cannot be read, and ImportError if no interpreter is installed.
    """
    folder = model_folder(options.model.path)
    try:
        output.write(f"{folder}: passed: {_answer_in_child(options)}\n")
    except _RefusedError as error:
        # A runtime's own messages may have several lines.
        output.write(f"{folder}: refused: {' '.join(str(error).split())}\n")
        return ExitStatus.REFUSED
    return ExitStatus.FINE


class _RefusedError(Exception):
    """A model is refused; the message says why."""


def _answer_in_child(options: VerifyOptions) -> str:
    """Returns what a child process says of the golden inputs; raises _RefusedError if it ends without, or too late."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_send_answer, args=(sender, options.model), daemon=True)
    with closing(receiver):
        child.start()
        sender.close()
        try:
            if not receiver.poll(options.timeout_s):
                raise _RefusedError(f"no answer within {options.timeout_s:g} s")
            answer = receiver.recv()
        except EOFError:
            child.join()
            raise _RefusedError(f"the process that ran it ended with {_ending(child.exitcode)}") from None
        finally:
            child.kill()
            child.join()
    if isinstance(answer, Exception):
        raise answer
    return str(answer)


def _send_answer(sender: Connection, options: ModelOptions) -> None:
    try:
        sender.send(_answer(options))
    except ValueError as error:
        sender.send(_RefusedError(str(error)))
    except (ImportError, OSError) as error:
        sender.send(error)


def _answer(options: ModelOptions) -> str:
    with options.open() as runner:
        runner.golden.check_all(runner.logits, runner.step_logits)
        runtime, golden = runner.runtime, runner.golden
        return f"{len(golden.crops)} golden {golden.name}s, whole and line by line, on {runtime.name} {runtime.version}"


def _ending(status: int | None) -> str:
    if status is not None and status < 0:
        return signal.Signals(-status).name
    return f"status {status}"
