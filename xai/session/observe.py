"""A session is read: twice its sound, once its film, piece by piece, so that memory does not grow with its length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from features import Modality
from features.audio import MIN_SECONDS, RATE
from features.faces import CROP
from features.session.faces import FaceFollower, Seen, mouth_movement
from features.session.film import looks
from features.session.sound import VoiceTrack, find_voice, sound_blocks
from features.session.source import Source
from features.session.speakers import Voice, centres_of, changes, group_speakers, windows_of
from features.session.speech import Heard, speech_in
from features.tokens import TokenFeatures
from models.identity.person import compare_faces, landmarks
from models.identity.speaker import speaker_codes
from models.model import EmotionModel
from xai.quality.checks import TOO_SMALL
from xai.quality.visibility import visibility
from xai.session.observations import HINDRANCES, Observations, Sights
from xai.session.session import Gap

LONGEST = 8.0  # seconds of speech that are judged as one
_JOINED = 0.6  # seconds of a pause over which one speaker's stretches are judged as one
_TOGETHER = 8  # faces in one pass of the backbone
_KEPT = 4  # crops of a track that tell whose face it is
_HEARING, _SEEING = 0.25, 0.6  # of the whole work: who speaks, and whose face

Progress = Callable[[str, float], None]
"""Told in plain words what is done, and which share of all, 0 to 1, is behind; what it raises ends the reading."""


def observe(
    source: Source, model: EmotionModel, speakers: int | None = None, on_progress: Progress = lambda words, share: None
) -> Observations:
    """Read a session.

    Args:
        model: whose encoders hear and see.
        speakers: how many people speak, if that is known.

    Raises:
        MediaError: the file cannot be used.
    """
    length = max(source.seconds, 1e-3)
    voice = find_voice(source) if source.sounds else None
    turns = _Turns(np.zeros((0, 2)), np.zeros(0, int), np.zeros((0, 256), np.float16))
    if voice is not None:
        turns = _who_speaks(source, voice, speakers, lambda at: on_progress("Listening for who speaks…", _HEARING * at / length))
    faces = _Faces()
    if source.film:
        follow, encoder = FaceFollower(), model.load_encoders()[Modality.VIDEO]
        for look in looks(source):
            faces.add(follow(look), look.cuts, encoder)
            on_progress("Looking for faces…", _HEARING + _SEEING * look.frame.time / length)
        faces.finish(encoder)
    tokens, width = [], model.space.size(Modality.AUDIO)
    if voice is not None:
        hear = model.load_encoders()[Modality.AUDIO]
        for start, samples in _pieces_of_sound(source, voice, turns.pieces):
            tokens.append(_tokens(hear, samples, width))
            on_progress("Recognising emotions in voices…", min(1.0, _HEARING + _SEEING + (1 - _HEARING - _SEEING) * start / length))
    lengths = np.array([len(part) for part in tokens], int)
    return Observations(
        name=source.name,
        digest=source.digest(),
        seconds=source.seconds,
        pieces=turns.pieces,
        voices=turns.voices,
        codes=turns.codes,
        tokens=np.concatenate([np.zeros((0, width), np.float16), *tokens]),
        lengths=lengths,
        sights=faces.sights(),
        tracks=faces.codes(),
        cuts=np.array(faces.cuts, float),
        notes=voice.notes if voice is not None else (),
    )


@dataclass(frozen=True)
class _Turns:
    pieces: np.ndarray
    voices: np.ndarray
    codes: np.ndarray


def _who_speaks(source: Source, voice: VoiceTrack, speakers: int | None, on_time: Callable[[float], None]) -> _Turns:
    """Stretches of speech, by whom each is, and how it sounds."""

    def told() -> Iterator[tuple[float, np.ndarray]]:
        for start, block in sound_blocks(source, voice):
            on_time(start)
            yield start, block

    heard = [
        Voice(part.start, part.end, speaker_codes(part.samples, windows_of(part.seconds)))
        for stretch in speech_in(told())
        for part in _short(stretch)
    ]
    if not heard:
        return _Turns(np.zeros((0, 2)), np.zeros(0, int), np.zeros((0, 256), np.float16))
    who = group_speakers(heard, speakers)
    parts = _changed(heard, who)
    pieces = _joined(parts)
    codes = np.stack([heard[k].code for _, _, _, k in pieces])
    return _Turns(np.array([piece[:2] for piece in pieces], float), np.array([piece[2] for piece in pieces]), codes.astype(np.float16))


def _short(stretch: Heard) -> Iterator[Heard]:
    """A stretch in parts of at most eight seconds, cut where it is quietest."""
    if stretch.seconds <= LONGEST:
        yield stretch
        return
    rate = len(stretch.samples) / stretch.seconds
    size = int(0.1 * rate)
    power = (stretch.samples[: len(stretch.samples) // size * size].reshape(-1, size) ** 2).mean(axis=1)
    middle, wide = len(power) // 2, max(1, min(15, len(power) // 4))
    at = (middle - wide + int(power[middle - wide : middle + wide].argmin())) * size + size // 2
    cut = stretch.start + at / rate
    yield from _short(Heard(stretch.start, cut, stretch.samples[:at]))
    yield from _short(Heard(cut, stretch.end, stretch.samples[at:]))


def _changed(heard: list[Voice], who: np.ndarray) -> list[tuple[float, float, int, int]]:
    """Start, end, speaker and number of each stretch, cut where another speaker takes over."""
    if (who >= 0).sum() == 0:
        return [(voice.start, voice.end, -1, k) for k, voice in enumerate(heard)]
    centres, parts = centres_of(heard, who), []
    for k, (voice, own) in enumerate(zip(heard, who.tolist(), strict=True)):
        found = changes(voice, centres, own)
        ends = [start for start, _ in found[1:]] + [voice.end]
        parts += [(start, end, speaker, k) for (start, speaker), end in zip(found, ends, strict=True)]
    return parts


def _joined(parts: list[tuple[float, float, int, int]]) -> list[tuple[float, float, int, int]]:
    """Neighbours of one speaker, a short pause apart, as one piece of at most eight seconds."""
    pieces: list[tuple[float, float, int, int]] = []
    for start, end, who, k in parts:
        if pieces and who >= 0 and pieces[-1][2] == who and start - pieces[-1][1] <= _JOINED and end - pieces[-1][0] <= LONGEST:
            pieces[-1] = (pieces[-1][0], end, who, pieces[-1][3])
        else:
            pieces.append((start, end, who, k))
    return pieces


def _pieces_of_sound(source: Source, voice: VoiceTrack, pieces: np.ndarray) -> Iterator[tuple[float, np.ndarray]]:
    """Start and float32 (n,) samples at 22,050 Hz of each piece, in order; no more than it takes is held."""
    waiting = list(map(tuple, pieces.tolist()))
    held, origin = np.zeros(0, np.float32), 0.0
    for start, block in sound_blocks(source, voice):
        if not len(held):
            origin = start
        held = np.concatenate([held, block])
        while waiting and waiting[0][1] <= origin + len(held) / RATE:
            yield _cut(held, origin, *waiting.pop(0))
        keep = max(0, int((waiting[0][0] - origin) * RATE)) if waiting else len(held)
        if keep >= len(held):
            held = held[:0]
        else:
            held, origin = held[keep:], origin + keep / RATE
    for piece in waiting:
        yield _cut(held, origin, *piece)


def _cut(held: np.ndarray, origin: float, start: float, end: float) -> tuple[float, np.ndarray]:
    first = max(0, round((start - origin) * RATE))
    return start, held[first : max(first, round((end - origin) * RATE))]


def _tokens(hear: Callable[[np.ndarray], object], samples: np.ndarray, width: int) -> np.ndarray:
    """float16 (k, width); none of what is shorter than a tenth of a second."""
    if len(samples) < MIN_SECONDS * RATE:
        return np.zeros((0, width), np.float16)
    voice = hear(samples)
    if not isinstance(voice, TokenFeatures):
        raise TypeError("a session is read by a model of tokens")
    return voice.tokens.astype(np.float16)


class _Faces:
    """Collects what is kept of faces: numbers, and for the tracks that go on a few crops."""

    def __init__(self) -> None:
        self.cuts: list[float] = []
        self._rows: list[tuple[float, int, tuple[float, ...], int, float]] = []
        self._vectors: list[np.ndarray] = []
        self._waiting: list[np.ndarray] = []
        self._crops: dict[int, list[np.ndarray]] = {}
        self._counts: dict[int, int] = {}
        self._codes: dict[int, np.ndarray] = {}
        self._rng = np.random.default_rng(0)

    def add(self, seen: list[Seen], cuts: tuple[float, ...], encoder: Callable[[np.ndarray], np.ndarray]) -> None:
        self.cuts += cuts
        if not seen:
            return
        crops = np.stack([face.crop for face in seen])
        points = landmarks(crops)
        later = landmarks(np.stack([face.soon for face in seen if face.soon is not None] or [np.zeros((CROP, CROP, 3), np.uint8)]))
        view, number = visibility(crops, points), 0
        for k, face in enumerate(seen):
            mouth = float("nan")
            if face.soon is not None:
                mouth, number = mouth_movement(face.crop, face.soon, points[k], later[number]), number + 1
            hindrance = _hindrance(face, view.away[k], bool(view.eyes[k] or view.mouth[k]), view.blurred[k])
            self._rows.append((face.time, face.track, tuple(face.box), hindrance, mouth))
            self._keep(face)
        self._waiting += list(crops)
        while len(self._waiting) >= _TOGETHER:
            self._encode(encoder, _TOGETHER)
        for ended in set(self._crops) - {face.track for face in seen}:
            self._close(ended)

    def finish(self, encoder: Callable[[np.ndarray], np.ndarray]) -> None:
        if self._waiting:
            self._encode(encoder, len(self._waiting))
        for track in list(self._crops):
            self._close(track)

    def sights(self) -> Sights:
        times, tracks, boxes, hindrances, mouths = zip(*self._rows, strict=True) if self._rows else ((),) * 5
        vectors = np.stack(self._vectors) if self._vectors else np.zeros((0, 512), np.float16)
        box = np.array(boxes, np.float32).reshape(-1, 4)
        return Sights(np.array(times, float), np.array(tracks, int), box, np.array(hindrances, int), np.array(mouths, np.float32), vectors)

    def codes(self) -> np.ndarray:
        count = max(self._codes, default=-1) + 1
        return np.stack([self._codes[k] for k in range(count)]).astype(np.float16) if count else np.zeros((0, 128), np.float16)

    def _encode(self, encoder: Callable[[np.ndarray], np.ndarray], count: int) -> None:
        maps = encoder(np.stack(self._waiting[:count]))
        self._vectors += list(maps.mean(axis=(2, 3)).astype(np.float16))
        del self._waiting[:count]

    def _keep(self, face: Seen) -> None:
        """A sample of the crops of its track (reservoir sampling, Vitter 1985)."""
        kept = self._crops.setdefault(face.track, [])
        self._counts[face.track] = self._counts.get(face.track, 0) + 1
        if len(kept) < _KEPT:
            kept.append(face.crop)
        elif (place := int(self._rng.integers(self._counts[face.track]))) < _KEPT:
            kept[place] = face.crop

    def _close(self, track: int) -> None:
        own = compare_faces(np.stack(self._crops.pop(track))).mean(axis=0)
        before = self._codes.get(track)  # a face that was lost for a moment goes on
        self._codes[track] = own if before is None else (before + own) / 2


def _hindrance(face: Seen, away: bool, covered: bool, blurred: bool) -> int:
    if face.box.w < TOO_SMALL:
        return HINDRANCES.index(Gap.TOO_SMALL)
    found = Gap.TURNED_AWAY if away else Gap.COVERED if covered else Gap.BLURRED if blurred else ""
    return HINDRANCES.index(found)
