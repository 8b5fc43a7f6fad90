"""`rowstream fields` and `label`: pages to draw fields over a picture, and to label crops."""

from __future__ import annotations

from contextlib import closing

from ..exit_status import ExitStatus
from ..fields.field import read_fields
from ..sources.open_source import open_source
from ..watch.options import WatchOptions
from ..watch.unsure_crops import UNSORTED
from ..watch.watcher import due
from ..web.fields_page import Sheet
from ..web.label_page import Pile
from .process import Stopped, quiet_opencv, stoppable
from .serve import serving, wait
from .source_options import FieldsOptions, LabelOptions


def serve_bench(options: FieldsOptions | LabelOptions) -> ExitStatus:
    """Serves the page until a signal asks for the end.

    Raises as `Runner` does, ImportError if something is not installed, OSError if a file cannot be read or it cannot
    listen at the address, and ValueError if the file of fields, the source or the folder is not what was expected.
    """
    quiet_opencv(options.page.model.threads)
    bench = _sheet(options) if isinstance(options, FieldsOptions) else _pile(options)
    try:
        with stoppable(), serving(options.page, bench=bench):
            wait()
    except Stopped:
        return ExitStatus.FINE


def _pile(options: LabelOptions) -> Pile:
    if not (options.folder / UNSORTED).is_dir():
        expected = f"{options.folder}: Expected a folder that watch --keep-unsure made"
        raise ValueError(f"{expected}. Found no {UNSORTED} in it")
    return Pile(options.folder)


def _sheet(options: FieldsOptions) -> Sheet:
    fields = read_fields(options.file) if options.file.exists() else ()
    with closing(open_source(options.source)) as source:
        frame = next(due(source, WatchOptions(rotation_degrees=options.rotation_degrees)), None)
    if frame is None:
        raise ValueError(f"{options.source}: Expected a picture. Found none that can be read")
    return Sheet(frame.image, fields, options.file)
