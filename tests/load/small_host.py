"""A host with little memory: a control group of Linux (v1 or v2) that kills what outgrows it. Needs root."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_V1, _V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
_FILES = {True: ("memory.limit_in_bytes", "memory.max_usage_in_bytes"), False: ("memory.max", "memory.peak")}


@dataclass(frozen=True)
class SmallHost:
    """The group's folder, and whether it is one of version 1."""

    folder: Path
    first: bool

    def take(self, process: int) -> None:
        """From now on its memory counts, and that of its children."""
        (self.folder / "cgroup.procs").write_text(str(process), encoding="ascii")

    def peak(self) -> float:
        """Megabytes at most so far, with what is kept of files that were read, which counts last."""
        return int((self.folder / _FILES[self.first][1]).read_text(encoding="ascii")) / 2**20


@contextmanager
def small_host(megabytes: int) -> Iterator[SmallHost]:
    """A host with so much memory.

    Raises:
        OSError: this system has no control groups, or this user may not make any.
    """
    first = _V1.is_dir()
    folder = (_V1 if first else _V2) / f"emolens-{os.getpid()}"
    folder.mkdir()
    try:
        (folder / _FILES[first][0]).write_text(str(megabytes * 2**20), encoding="ascii")
        yield SmallHost(folder, first)
    finally:
        folder.rmdir()
