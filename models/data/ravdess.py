"""RAVDESS on disk: what its file names say, and which recordings a folder holds.

Livingstone & Russo (2018), The Ryerson Audio-Visual Database of Emotional Speech and Song, doi
10.1371/journal.pone.0196391. Names are ``modality-channel-emotion-intensity-statement-repetition-actor``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from models.labels import ravdess_label

_NAME = re.compile(r"(0[123])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(0[1-9]|1\d|2[0-4])")
ACTORS = range(1, 25)
_KINDS = {".wav": "voice", ".flac": "voice", ".mp4": "video", ".jpg": "strip"}


@dataclass(frozen=True, order=True)
class Take:
    """One file of RAVDESS. ``kind`` is ``voice`` (WAV, FLAC), ``video`` (MP4) or ``strip`` (face crops side by side)."""

    actor: int
    emotion: str
    intensity: int
    statement: int
    repetition: int
    modality: int
    kind: str
    path: Path

    @property
    def label(self) -> str:
        return ravdess_label(self.emotion)

    @property
    def sex(self) -> str:
        return "male" if self.actor % 2 else "female"

    @property
    def key(self) -> tuple:
        """What two files of the same performance share."""
        return self.actor, self.emotion, self.intensity, self.statement, self.repetition


def performances(actor: int) -> list[tuple]:
    """The 60 keys (:attr:`Take.key`) of one actor's speech: neutral at one intensity, seven emotions at two."""
    emotions = [(f"{number:02d}", intensity) for number in range(1, 9) for intensity in (1, 2) if (number, intensity) != (1, 2)]
    return [(actor, *emotion, statement, repetition) for emotion in emotions for statement in (1, 2) for repetition in (1, 2)]


def file_name(key: tuple, modality: int, suffix: str) -> str:
    """The published name of a performance: the inverse of :func:`parse_name`."""
    actor, emotion, intensity, statement, repetition = key
    return f"{modality:02d}-01-{emotion}-{intensity:02d}-{statement:02d}-{repetition:02d}-{actor:02d}{suffix}"


def parse_name(path: Path) -> Take | None:
    """The take that a file name describes; None for other names, for song, and for kinds that are not used."""
    match = _NAME.fullmatch(path.stem)
    kind = _KINDS.get(path.suffix.lower())
    if not match or kind is None or match[2] != "01":
        return None
    modality, _, emotion, intensity, statement, repetition, actor = match.groups()
    if kind != "voice" and modality == "03":
        return None
    return Take(int(actor), emotion, int(intensity), int(statement), int(repetition), int(modality), kind, path)


def find_takes(folder: Path) -> list[Take]:
    """All speech takes below ``folder``, each once: MP4 before strip, WAV before FLAC, sorted.

    Works on the published layout (``Actor_NN/*.wav``, ``*.mp4``) and on any other nesting of the same names.
    """
    order = {".mp4": 0, ".wav": 0, ".jpg": 1, ".flac": 1}
    takes: dict[tuple, Take] = {}
    files = sorted((p for p in folder.rglob("*") if p.suffix.lower() in order), key=lambda p: (order[p.suffix.lower()], p))
    for take in filter(None, map(parse_name, files)):
        group = "voice" if take.kind == "voice" else "face"
        takes.setdefault((take.key, take.modality, group), take)
    return sorted(takes.values())


def find_files(folder: Path) -> list[Path]:
    """All files below ``folder`` of the kinds that RAVDESS is used in, whatever their names say."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _KINDS and path.is_file())
