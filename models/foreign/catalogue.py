"""Models that somebody brought along: files with a sidecar in the folder that the variable ``EMOLENS_MODELS`` names.

The folder is looked at whenever somebody asks, so a file that is put there can be chosen at once. A file's name is the model's name.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from models.foreign.sidecar import MOST_BYTES, ModelFileError, Sidecar, read_sidecar
from models.registry import MODELS, Description

if TYPE_CHECKING:
    from models.model import EmotionModel

FOLDER = "EMOLENS_MODELS"
ENDING = ".onnx"
_MOST = 20  # files that are offered
_LOADED = 2  # that stay in memory


def offered_models() -> Mapping[str, Description]:
    """By name, the models of this project and those in the folder."""
    return with_others({path.name: said.description for path, said in _in_folder() if isinstance(said, Sidecar)})


def with_others(brought: Mapping[str, Description]) -> Mapping[str, Description]:
    """The models of this project and some that were brought along, whose file's name is told where a title is taken.

    >>> taken = Description("Fused", "", "", (), "")
    >>> with_others({"mine.onnx": taken})["mine.onnx"].title
    'Fused (mine.onnx)'
    """
    titles = Counter(described.title for described in (*MODELS.values(), *brought.values()))
    return {
        **MODELS,
        **{
            name: replace(described, title=f"{described.title} ({name})") if titles[described.title] > 1 else described
            for name, described in brought.items()
        },
    }


def refused_files() -> dict[str, str]:
    """By name, the files in the folder that cannot be offered, and why."""
    return {path.name: said for path, said in _in_folder() if isinstance(said, str)}


def find_brought(name: str) -> Path | None:
    """The file of that path, or of that name in the folder; None where it is none.

    Raises:
        ModelFileError: it should be one, and is not there.
    """
    if not name.endswith(ENDING):
        return None
    folder = _folder()
    there = [path for path in (Path(name), *([] if folder is None else [folder / name])) if path.is_file()]
    if not there:
        raise ModelFileError(f"{name}: there is no such file, here or in the folder that {FOLDER} names.")
    return there[0]


def load_brought(path: Path) -> EmotionModel:
    """The model in a file; the last two stay loaded, until the file or its sidecar changes.

    Raises:
        ModelFileError: it cannot be used.
    """
    return _load(path.resolve(), _stamp(path), _stamp(_sidecar_of(path)))


@lru_cache(maxsize=_LOADED)
def _load(path: Path, stamp: tuple[int, int], sidecar_stamp: tuple[int, int]) -> EmotionModel:
    from models.foreign.reading import read_onnx

    return read_onnx(path)


def _folder() -> Path | None:
    given = os.environ.get(FOLDER, "")
    return Path(given) if given and Path(given).is_dir() else None


def _in_folder() -> Iterator[tuple[Path, Sidecar | str]]:
    """Each file with what is said of it, or with the reason why it cannot be used."""
    folder = _folder()
    for path in sorted(folder.glob(f"*{ENDING}"))[:_MOST] if folder else ():
        try:
            yield path, _said(_sidecar_of(path), _stamp(_sidecar_of(path)))
        except ModelFileError as error:
            yield path, str(error)


def _sidecar_of(path: Path) -> Path:
    return path.with_suffix(".json")


def _stamp(path: Path) -> tuple[int, int]:
    """Changes when a file does."""
    try:
        found = path.stat()
    except OSError:
        raise ModelFileError(f"{path.name} is missing beside the model: it says what goes in and what comes out.") from None
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=2 * _MOST)
def _said(path: Path, stamp: tuple[int, int]) -> Sidecar:
    with path.open("rb") as file:
        return read_sidecar(file.read(MOST_BYTES + 1), path.name)
