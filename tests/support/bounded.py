"""A child process with little memory, for tests of what is reserved before a size is believed."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import MODELS, run_python

# What `answers` needs to read files as inputs of a model of digits: `read_inputs(Path(name), FORM)`.
READS = f"""
from device.files.input_files import read_inputs
from device.contract.inputs import InputForm
from device.contract.manifest import read_manifest
FORM = InputForm(read_manifest(Path("{MODELS}/rows2d")))
"""
# Set once everything is imported, because libraries reserve much and use little of it.
LIMITED = """
import resource, sys
from pathlib import Path
{imports}
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + {spare_mib} * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for name in sys.argv[1:]:
    try:
        {call}
    except ValueError as error:
        print(error)
    else:
        print("read")
"""


def answers(imports: str, call: str, paths: list[Path], spare_mib: int) -> list[str]:
    """What a child with so much memory to spare says of each file: "read", or the message of a ValueError.

    `call` reads the file `name`.
    """
    child = run_python("-c", LIMITED.format(imports=imports, call=call, spare_mib=spare_mib), *paths)
    assert child.returncode == 0, child.stderr
    return child.stdout.splitlines()
