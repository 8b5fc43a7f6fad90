"""The pipeline's command line, `python -m pipeline COMMAND`: results on stdout, log on stderr."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence

from device.exit_status import ExitStatus
from pipeline.cli.parser import parse


def main(arguments: Sequence[str] | None = None) -> ExitStatus:
    """Runs a command and returns the exit status."""
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        status = parse(arguments).run() or ExitStatus.FINE
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, has enough. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.FINE
    except (OSError, ValueError, RuntimeError) as error:
        print(f"error: {error}", file=sys.stderr)
        return ExitStatus.WRONG_USE
    return status


if __name__ == "__main__":
    sys.exit(main())
