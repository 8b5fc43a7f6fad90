"""Sends reports of a device's releases, by the options of `install`, `rollback` and `status`."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ..sending.post import Post
from ..update.report import Report
from .process import log_to_stderr
from .senders import import_mqtt
from .update_options import ReportOptions


def send(reports: Sequence[Report], options: ReportOptions) -> None:
    """Sends reports in their order; raises OSError if one is not taken, and ImportError without paho-mqtt."""
    log_to_stderr()
    lines = [dataclasses.asdict(report) for report in reports]
    if not lines:
        return
    if options.mqtt is not None:
        import_mqtt().publish_reports(options.mqtt, lines)
    if options.post is not None:
        with Post(options.post) as post:
            for line in lines:
                post.send(line)
        if post.lost:
            raise OSError(f"--post: Expected {len(lines)} reports to be taken. Not taken: {post.lost}")
