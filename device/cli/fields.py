"""`python -m device fields`: a page on which fields are drawn over a picture, tried and saved."""

from __future__ import annotations

from contextlib import closing

from ..exit_status import ExitStatus
from ..fields.field import read_fields
from ..sources.open_source import open_source
from ..watch.options import WatchOptions
from ..watch.watcher import due
from ..web.fields_page import Sheet
from .process import Stopped, quiet_opencv, stoppable
from .serve import serving, wait
from .source_options import FieldsOptions


def draw_fields(options: FieldsOptions) -> ExitStatus:
    """Serves the page with the first frame of a source, until a signal asks for the end.

    Raises as `Runner` does, ImportError if something is not installed, OSError if a file cannot be read or it cannot
    listen at the address, and ValueError if the file of fields or the source is not what was expected.
    """
    quiet_opencv(options.page.model.threads)
    sheet = _sheet(options)
    try:
        with stoppable(), serving(options.page, sheet=sheet):
            wait()
    except Stopped:
        return ExitStatus.FINE


def _sheet(options: FieldsOptions) -> Sheet:
    fields = read_fields(options.file) if options.file.exists() else ()
    with closing(open_source(options.source)) as source:
        frame = next(due(source, WatchOptions(rotation_degrees=options.rotation_degrees)), None)
    if frame is None:
        raise ValueError(f"{options.source}: Expected a picture. Found none that can be read")
    return Sheet(frame.image, fields, options.file)
