"""The text of a systemd unit that runs a command on a device.

Sources: systemd.service(5), systemd.exec(5), systemd.resource-control(5), and systemd.syntax(7) for quotes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .. import __version__
from ..program import INSTALLED, PROGRAM
from ..sources.names import PICAMERA, is_camera_name
from .service_options import ServiceOptions

_START_S = 90
# Installed, it imports nothing from the folder that it runs in; a checkout is that folder. From Python 3.11 on.
_SAFE_PATH = "Environment=PYTHONSAFEPATH=1\n" if INSTALLED else ""
# Kernels choose themselves by /proc/cpuinfo and /sys, so these stay readable. A model below /home can be read.
_HARDENED = """\
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
ProtectProc=invisible
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateTmp=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
UMask=0077
"""


def unit_text(options: ServiceOptions, start: Sequence[str], folder: Path) -> str:
    """Returns the unit's text: it runs `start` and the command's arguments in a folder, which relative paths are in."""
    shown = _unspecified(" ".join(options.arguments))
    pause_s = options.longest_pause_s
    # The first frame says that the service is ready, so it has the time to start and then to wait for one.
    start_s = _START_S + (pause_s or 0)
    return f"""\
# {PROGRAM} install-service of rowstream {__version__} wrote this.
[Unit]
Description=Rowstream: {shown}
Documentation=https://github.com/rowstream/rowstream/blob/main/docs/shipping.md
After=network.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={" ".join(map(_quoted, (*start, *options.arguments)))}
WorkingDirectory={_unspecified(str(folder))}
{_SAFE_PATH}TimeoutStartSec={start_s:g}
{"" if pause_s is None else f"WatchdogSec={pause_s:g}{chr(10)}"}Restart=on-failure
RestartSec=5
LimitCORE=0
DynamicUser=yes
StateDirectory={options.name}
{_devices(options)}{_HARDENED}
[Install]
WantedBy=multi-user.target
"""


def _devices(options: ServiceOptions) -> str:
    """Returns the lines that let the service have its camera, and no other device."""
    if options.source is None or not is_camera_name(options.source.name):
        return "PrivateDevices=yes\n"
    # libcamera also needs the media controller and buffers.
    classes = ["video4linux", *(["media", "dma_heap"] if options.source.name == PICAMERA else [])]
    allowed = "".join(f"DeviceAllow=char-{each} rw\n" for each in classes)
    return f"SupplementaryGroups=video\nDevicePolicy=closed\n{allowed}"


def _quoted(argument: str) -> str:
    """Returns an argument of ExecStart=, which systemd would otherwise split, expand or take a character out of."""
    escaped = argument.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    plain = argument and not set(argument) & set(" \t\"'\\;")
    return _unspecified(escaped if plain else f'"{escaped}"')


def _unspecified(text: str) -> str:
    """Returns a text in which systemd finds no specifier."""
    return text.replace("%", "%%")
