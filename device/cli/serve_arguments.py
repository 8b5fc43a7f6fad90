"""The options of `python -m device run --serve`, and which of them go together.

Not what they do (`device.cli.serve_page`): nothing here needs OpenCV or the server's library.
"""

from __future__ import annotations

import argparse
import re

from ..web.address import Address

# What stands for itself in a header, a cookie and an address.
_TOKEN = re.compile(r"[A-Za-z0-9._~-]{1,200}")


def add_serve_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options; each is None where it is not given."""
    group = parser.add_argument_group("serving a page")
    group.add_argument(
        "--serve",
        type=_address,
        metavar="HOST:PORT",
        help="serve a page here: what --source shows, or without it a canvas to draw a digit on; PORT alone is "
        "reached from this machine only; the page stays when the source has ended",
    )
    group.add_argument(
        "--token", type=_token, help="what every request must carry; a must where other machines reach the address"
    )


def serve_refusal(options: argparse.Namespace) -> str | None:
    """Returns what is wrong with the options together; None where nothing is."""
    if options.serve is None:
        return "Expected --serve with --token. Received none" if options.token else None
    if options.crops:
        return f"Expected CROPS or --serve. Received both: {options.crops[0]}, --serve {options.serve}"
    if not (options.serve.is_loopback or options.token):
        return f"Expected --token with an address that other machines reach. Received: --serve {options.serve}"
    if not options.source and (options.rows or options.partial or options.early_exit):
        return "Expected --rows, --partial and --early-exit with CROPS or --source. Received --serve alone"
    return None


def _address(text: str) -> Address:
    try:
        return Address.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _token(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise argparse.ArgumentTypeError("Expected a token of 1 to 200 letters, digits, and . _ ~ -")
    return text
