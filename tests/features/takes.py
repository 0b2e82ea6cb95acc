"""How alike two utterances are of one sentence, by one actor, in one emotion: what a mixed-up pair must be told apart from.

``python -m tests.features.takes --data DIR`` compares all 720 such pairs of RAVDESS and prints how high they peak.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from features.audio import to_mono
from features.media import read_sound
from features.pairing import SAME, compare
from models.data.ravdess import find_takes


def repeated(folder: Path) -> Iterator[tuple[Path, Path]]:
    """The two voices of everything that was said twice."""
    said = defaultdict(list)
    for take in find_takes(folder):
        if take.kind == "voice":
            said[take.actor, take.emotion, take.intensity, take.statement].append(take.path)
    yield from ((first, second) for first, second in (paths for paths in said.values() if len(paths) == 2))


def sharpness(first: Path, second: Path) -> float:
    """:attr:`features.pairing.Pairing.sharpness` of two files."""
    sounds = [read_sound(path.read_bytes()) for path in (first, second)]
    return compare(*(to_mono(sound.samples, sound.rate) for sound in sounds)).sharpness


def main(arguments: list[str] | None = None) -> int:
    """Print the highest peaks."""
    p = argparse.ArgumentParser(prog="python -m tests.features.takes", description=__doc__)
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder with RAVDESS")
    pairs = list(repeated(p.parse_args(arguments).data))
    found = np.array([sharpness(*pair) for pair in pairs])
    print(f"{len(pairs)} pairs of takes, median {np.median(found):.0f} standard deviations; {SAME:.0f} would make them one take")
    for k in found.argsort()[::-1][:5]:
        print(f"{found[k]:7.0f}  {pairs[k][0].name}  {pairs[k][1].name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
