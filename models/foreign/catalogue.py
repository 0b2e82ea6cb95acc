"""Models that somebody brought along, in the folder that the variable ``EMOLENS_MODELS`` names: ONNX files with a JSON beside each, and
JSON files that describe a speech classifier of Hugging Face.

The folder is looked at whenever somebody asks, so a file that is put there can be chosen at once. A file's name is the model's name.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from models.foreign import hugging_face_sidecar
from models.foreign.parsing import BEGIN, MOST_BYTES
from models.foreign.sidecar import read_sidecar
from models.networks import ModelError
from models.registry import MODELS, Description

if TYPE_CHECKING:
    from models.model import EmotionModel

FOLDER = "EMOLENS_MODELS"
ENDING, DESCRIBED, CHECKPOINT = ".onnx", ".json", ".safetensors"
_MOST = 20  # files that are offered
_LOADED = 2  # that stay in memory


def offered_models() -> Mapping[str, Description]:
    """By name, the models of this project and those in the folder."""
    return with_others({path.name: found for path, found in _in_folder() if isinstance(found, Description)})


def with_others(brought: Mapping[str, Description]) -> Mapping[str, Description]:
    """The models of this project and some that were brought along; a title that is taken is followed by the name of its file.

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
    return {path.name: found for path, found in _in_folder() if isinstance(found, str)}


def find_brought(name: str) -> Path | None:
    """The file of that path, or of that name in the folder; None where it is none.

    Raises:
        ModelError: it should be one, and is not there, or only describes one.
    """
    if not name.endswith((ENDING, DESCRIBED)):
        return None
    there = _found(name)
    if there is None and (wrong := wrong_folder()):
        raise ModelError(f"{name}: there is no such file here, and {FOLDER} names {wrong}, which is no folder.")
    if there is None:
        raise ModelError(f"{name}: there is no such file, here or in the folder that {FOLDER} names.")
    if there.suffix == DESCRIBED and there.with_suffix(ENDING).is_file():
        raise ModelError(f"{name} only describes a model: name {Path(name).with_suffix(ENDING)}.")
    return there


def unknown(name: str) -> str:
    """What is said of a name that is no model's: which are, and what may have been meant."""
    if name.endswith(CHECKPOINT):
        return f"{name}: there is no such file."
    known = list(offered_models())
    files = [f"{name}{ending}" for ending in (ENDING, DESCRIBED, CHECKPOINT) if _found(f"{name}{ending}")]
    meant = (files or get_close_matches(name, known, 1) or [""])[0]
    listed = f"There is no model {name}: name one of {', '.join(known)}, or a file ({ENDING}, {DESCRIBED}, {CHECKPOINT})."
    return f"{listed} Did you mean {meant}?" if meant else listed


def wrong_folder() -> str | None:
    """What the variable names, where it is no folder."""
    given = os.environ.get(FOLDER, "")
    return given if given and not Path(given).is_dir() else None


def _found(name: str) -> Path | None:
    """The file at that path, or in the folder."""
    folder = _folder()
    places = (Path(name), *([] if folder is None else [folder / name]))
    return next((path for path in places if path.is_file()), None)


def load_brought(path: Path) -> EmotionModel:
    """The model in a file; the last two stay loaded, until the file or its sidecar changes.

    Raises:
        ModelError: it cannot be used.
    """
    return _load(path.resolve(), _stamp(path), _stamp(path.with_suffix(DESCRIBED)))


@lru_cache(maxsize=_LOADED)
def _load(path: Path, stamp: tuple[int, int], sidecar_stamp: tuple[int, int]) -> EmotionModel:
    if path.suffix == DESCRIBED:
        from models.foreign.hugging_face import read_fusion

        return read_fusion(path)
    from models.foreign.reading import read_onnx

    return read_onnx(path)


def _folder() -> Path | None:
    given = os.environ.get(FOLDER, "")
    return Path(given) if given and Path(given).is_dir() else None


def _in_folder() -> Iterator[tuple[Path, Description | str]]:
    """Each file with its description, or with the reason why it cannot be used."""
    folder = _folder()
    for path in _files(folder)[:_MOST] if folder else ():
        try:
            sidecar = path.with_suffix(DESCRIBED)
            yield path, _description(path, _stamp(sidecar))
        except ModelError as error:
            yield path, str(error)


def _files(folder: Path) -> list[Path]:
    models = set(folder.glob(f"*{ENDING}"))
    alone = (path for path in folder.glob(f"*{DESCRIBED}") if path.with_suffix(ENDING) not in models)
    return sorted([*models, *filter(hugging_face_sidecar.is_meant, alone)])


def _stamp(path: Path) -> tuple[int, int]:
    """Changes when a file does."""
    try:
        found = path.stat()
    except OSError:
        raise ModelError(f"{path.name} is missing beside the model: it says what goes in and what comes out; {BEGIN}.") from None
    return found.st_mtime_ns, found.st_size


@lru_cache(maxsize=2 * _MOST)
def _description(path: Path, stamp: tuple[int, int]) -> Description:
    sidecar = path.with_suffix(DESCRIBED)
    if path == sidecar:
        return hugging_face_sidecar.read_sidecar(path).description
    with sidecar.open("rb") as file:
        return read_sidecar(file.read(MOST_BYTES + 1), sidecar.name).description
