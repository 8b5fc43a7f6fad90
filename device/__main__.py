"""The device's command line: `rowstream COMMAND`, or in a checkout `python -m device COMMAND`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .cli.arguments import parsed
from .cli.classify import classify
from .cli.options import ClassifyOptions, VerifyOptions
from .cli.process import complain, flush_or_discard, log_to_stderr, open_streams
from .exit_status import ExitStatus

if TYPE_CHECKING:
    from .cli.source_options import FieldsOptions, LabelOptions, ServeOptions, SourceOptions

# What the extra `camera` brings.
_EXTRA = frozenset({"cv2", "PIL"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns the exit status: 0 fine, 1 a refused model, 2 wrong use or unreadable input."""
    open_streams()
    try:
        status = _run(sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        # The reader has closed the pipe, as `head` does once it has enough.
        return ExitStatus.FINE
    except (ImportError, OSError, ValueError) as error:
        return complain(error)
    else:
        return status
    finally:
        flush_or_discard()


def _run(arguments: Sequence[str]) -> int:
    options = parsed(arguments)
    if isinstance(options, ClassifyOptions):
        return classify(options, sys.stdout)
    if isinstance(options, VerifyOptions):
        # No other command pays for the import of multiprocessing.
        from .cli.verify import verify  # noqa: PLC0415

        return verify(options, sys.stdout)
    # `classify` starts faster without the others.
    from .cli.service_options import ServiceOptions  # noqa: PLC0415
    from .cli.update_options import HomeOptions, InstallOptions  # noqa: PLC0415

    if isinstance(options, HomeOptions | InstallOptions):
        from .cli.update import update  # noqa: PLC0415  # TUF is an extra

        return update(options, sys.stdout)
    if isinstance(options, ServiceOptions):
        from .cli.install_service import install_service  # noqa: PLC0415  # the same

        return install_service(options, sys.stdout)
    return _watch_or_serve(options)


def _watch_or_serve(options: SourceOptions | ServeOptions | FieldsOptions | LabelOptions) -> int:
    log_to_stderr()
    from .cli.source_options import FieldsOptions, LabelOptions, SourceOptions  # noqa: PLC0415  # no other command pays for its imports

    try:
        # OpenCV and Pillow are an extra: the rest works without them.
        from .cli.serve import serve_canvas  # noqa: PLC0415
        from .cli.watch import watch  # noqa: PLC0415
    except ImportError as error:
        if error.name not in _EXTRA:
            raise
        from .advice import CAMERA, page_needs, pip_install  # noqa: PLC0415  # only for those who lack something

        if isinstance(options, SourceOptions):
            raise ImportError(f"watch needs OpenCV and Pillow: {pip_install(*CAMERA)}") from error
        raise ImportError(page_needs()) from error
    if isinstance(options, SourceOptions):
        return watch(options, sys.stdout)
    if isinstance(options, FieldsOptions | LabelOptions):
        return _work(options)
    return serve_canvas(options) if options.source is None else watch(options.source, sys.stdout, options)


def _work(options: FieldsOptions | LabelOptions) -> int:
    try:
        from .cli.benches import serve_bench  # noqa: PLC0415  # Starlette is an extra
    except ModuleNotFoundError as error:
        if error.name != "starlette":
            raise
        from .advice import page_needs  # noqa: PLC0415  # only for those who lack something

        raise ImportError(page_needs()) from error
    return serve_bench(options)


if __name__ == "__main__":
    sys.exit(main())
