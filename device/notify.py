"""Says how a service is to the manager that started it, over the datagram socket in NOTIFY_SOCKET.

Source: sd_notify(3), https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html.
"""

from __future__ import annotations

import logging
import os
import socket

READY = "READY=1"
ALIVE = "WATCHDOG=1"
STOPPING = "STOPPING=1"

log = logging.getLogger(__name__)


def notify(*states: str) -> None:
    """Sends states in one datagram; does nothing if no manager asked for them.

    A manager that cannot be reached must not end the service, so that is a warning in the log.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    # An abstract socket's name begins with a zero byte, which no environment can hold.
    name = f"\0{address[1:]}" if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto("\n".join(states).encode(), name)
    except OSError as error:
        log.warning(f"NOTIFY_SOCKET {address}: {error}")
