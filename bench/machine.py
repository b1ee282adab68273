"""What figures are measured on."""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """The name of the processor, where the system tells."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def facts() -> dict[str, str]:
    """What the system tells about its first processor; nothing where it does not."""
    found: dict[str, str] = {}
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            name, _, value = line.partition(":")
            found.setdefault(name.strip(), value.strip())
    return found


VENDORS = {"AuthenticAMD": "amd", "GenuineIntel": "intel"}
"""The kinds of processors that tell their maker, as /proc/cpuinfo has it."""


def vendor() -> str:
    """The kind of processor, by which results are kept apart: amd, intel, arm, or the name of another architecture."""
    known = VENDORS.get(facts().get("vendor_id", ""))
    if known:
        return known
    architecture = platform.machine().lower()
    return "arm" if architecture.startswith(("arm", "aarch")) else architecture or "other"
