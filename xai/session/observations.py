"""What was seen and heard in a session, before anybody is named: all that a correction needs to be applied again without the film."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from features import MediaError
from xai.session.session import Gap

HINDRANCES: tuple[str, ...] = ("", Gap.TURNED_AWAY, Gap.COVERED, Gap.BLURRED, Gap.TOO_SMALL)
"""What keeps a face from being judged; the sights hold positions in this list."""


@dataclass(frozen=True)
class Sights:
    """Faces in pictures, a row each, in order of time.

    Attributes:
        time: float64 (n,), seconds.
        track: int (n,), numbers of tracks.
        box: float32 (n, 4) in pixels of the film.
        hindrance: int (n,), positions in :data:`HINDRANCES`.
        mouth: float32 (n,), see :func:`features.session.faces.mouth_movement`; NaN where there was no second picture.
        vectors: float16 (n, 512), the features of each face.
    """

    time: np.ndarray
    track: np.ndarray
    box: np.ndarray
    hindrance: np.ndarray
    mouth: np.ndarray
    vectors: np.ndarray

    def __len__(self) -> int:
        return len(self.time)


@dataclass(frozen=True)
class Observations:
    """A session as it was read.

    Attributes:
        name: of the file; digest: SHA-256 of its bytes, 64 hex digits; seconds: its length.
        pieces: float64 (p, 2), stretches of speech that are judged as one, in order of time: start and end in seconds.
        voices: int (p,), who speaks there, numbered; −1 where it is not clear.
        codes: float16 (p, 256), how the voice sounds in each.
        tokens: float16 (t, d), of all pieces, one after the other; lengths: int (p,), how many each has.
        sights: faces in pictures.
        tracks: float16 (m, 128), whose face it is, for the tracks in order of their numbers.
        cuts: float64 (c,), seconds at which the film is cut.
        notes: sentences about what of the file was chosen, left out or mended.
    """

    name: str
    digest: str
    seconds: float
    pieces: np.ndarray
    voices: np.ndarray
    codes: np.ndarray
    tokens: np.ndarray
    lengths: np.ndarray
    sights: Sights
    tracks: np.ndarray
    cuts: np.ndarray
    notes: tuple[str, ...] = ()

    def tokens_of(self, piece: int) -> np.ndarray:
        """float32 (k, d)."""
        end = int(self.lengths[: piece + 1].sum())
        return self.tokens[end - int(self.lengths[piece]) : end].astype(np.float32)


_ARRAYS = ("pieces", "voices", "codes", "tokens", "lengths", "tracks", "cuts")


def save(seen: Observations, path: Path) -> None:
    """As one compressed file (.npz) that needs no pickle."""
    plain = {f.name: np.asarray(getattr(seen, f.name)) for f in fields(seen) if f.name != "sights"}
    sights = {f"sights_{f.name}": getattr(seen.sights, f.name) for f in fields(Sights)}
    with path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **plain, **sights)


def load(path: Path) -> Observations:
    """Raises MediaError: the file is not there or no such file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
            sights = Sights(**{f.name: found[f"sights_{f.name}"] for f in fields(Sights)})
            arrays = {name: found[name] for name in _ARRAYS}
            notes = tuple(found["notes"].astype(str).tolist())
            return Observations(str(found["name"]), str(found["digest"]), float(found["seconds"]), sights=sights, notes=notes, **arrays)
    except (OSError, KeyError, ValueError) as error:
        raise MediaError(f"{path.name} holds no session that was read: read the recording again.") from error
