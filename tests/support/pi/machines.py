"""The Raspberry Pis that `make test-pi` emulates, and what a Linux on them says of its processor.

XNNPACK asks /proc/cpuinfo and /sys which kernels to take; QEMU's user mode would show it the host's.

Sources: the boards' own /proc/cpuinfo; Arm Cortex-A53, A72 and A76 technical reference manuals (MIDR, caches).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

_CORES = range(4)


@dataclass(frozen=True)
class Processor:
    """What identifies a processor: MIDR's part, variant and revision, its features, clock and caches."""

    part: str
    variant: str
    revision: int
    features: str
    clock_khz: int
    l1_data: str
    l1_instructions: str
    l2: str


@dataclass(frozen=True)
class Machine:
    """A board: its architecture by Debian's name, QEMU's name of its processor, and what Linux says of that.

    A 32-bit system asks nothing.
    """

    name: str
    architecture: str
    cpu: str
    processor: Processor | None = None


_SINCE_A53 = "fp asimd evtstrm crc32 cpuid"
_SINCE_A76 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
MACHINES: Mapping[str, Machine] = MappingProxyType(
    {
        machine.name: machine
        for machine in (
            Machine(
                "zero2w",
                "arm64",
                "cortex-a53",
                Processor("0xd03", "0x0", 4, _SINCE_A53, 1_000_000, "32K", "32K", "512K"),
            ),
            Machine(
                "pi4",
                "arm64",
                "cortex-a72",
                Processor("0xd08", "0x0", 3, _SINCE_A53, 1_800_000, "32K", "48K", "1024K"),
            ),
            Machine(
                "pi5",
                "arm64",
                "cortex-a76",
                Processor("0xd0b", "0x4", 1, _SINCE_A76, 2_400_000, "64K", "64K", "512K"),
            ),
            Machine("armhf", "armhf", "cortex-a7"),
        )
    }
)


def describe(processor: Processor, root: Path) -> None:
    """Writes /proc/cpuinfo and /sys of a processor of four cores into a root."""
    lines = (
        "Features\t: " + processor.features,
        "CPU implementer\t: 0x41",
        "CPU architecture: 8",
        f"CPU variant\t: {processor.variant}",
        f"CPU part\t: {processor.part}",
        f"CPU revision\t: {processor.revision}",
    )
    text = "".join("\n".join((f"processor\t: {core}", *lines)) + "\n\n" for core in _CORES)
    _write(root / "proc" / "cpuinfo", text)
    cpus = root / "sys" / "devices" / "system" / "cpu"
    _write(cpus / "kernel_max", "7")
    for name in ("possible", "present", "online"):
        _write(cpus / name, "0-3")
    for core in _CORES:
        _describe_core(processor, cpus / f"cpu{core}", core)


def _describe_core(processor: Processor, folder: Path, core: int) -> None:
    _write(folder / "topology" / "physical_package_id", "0")
    _write(folder / "topology" / "core_id", str(core))
    for name in ("core_siblings_list", "package_cpus_list", "cluster_cpus_list"):
        _write(folder / "topology" / name, "0-3")
    for name in ("thread_siblings_list", "core_cpus_list"):
        _write(folder / "topology" / name, str(core))
    _write(folder / "cpufreq" / "cpuinfo_max_freq", str(processor.clock_khz))
    _write(folder / "cpufreq" / "cpuinfo_min_freq", "600000")
    caches = (
        ("1", "Data", processor.l1_data),
        ("1", "Instruction", processor.l1_instructions),
        ("2", "Unified", processor.l2),
    )
    for index, (level, kind, size) in enumerate(caches):
        cache = folder / "cache" / f"index{index}"
        for name, value in (("level", level), ("type", kind), ("size", size)):
            _write(cache / name, value)
        _write(cache / "shared_cpu_list", "0-3" if level == "2" else str(core))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")
