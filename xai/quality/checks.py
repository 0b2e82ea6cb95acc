"""Is this clip like what the model knows? Each check is a line that says what is wrong and what to do.

Only what can be measured on the recording itself or against the reference clips is claimed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from features import Features, Modality
from features.audio import HOP, AudioFeatures
from features.faces import Box
from features.media.sampling import is_plain
from features.video import VideoFeatures
from features.voice_activity import NO_SPEECH, speech_probability
from models.identity.person import landmarks
from models.model import EmotionModel
from xai.quality.typicality import Typicality, typicality
from xai.quality.visibility import visibility
from xai.score import Level

_SHORT, _TOO_SHORT, _LONG = 1.0, 0.4, 20.0  # seconds
_CLIPPED, _BADLY_CLIPPED = 0.01, 0.1  # share of samples at full scale
_FULL_SCALE = 0.99
_NOTHING = -115.0  # dB: digital silence, and what resampling leaves of it
_QUIET = -55.0  # dB of the loudest moments, full scale 0
_NOISY, _TOO_NOISY = 15.0, 5.0  # dB between the loudest and the quietest moments
_SMALL, TOO_SMALL = 60.0, 30.0  # pixels; FER+, on which the network learned, has 48
_DIM, _DARK = 90.0, 40.0  # of 255: the brightest part of the picture, which no skin colour decides
_FEW = 0.5  # of all pictures
_JUMP = 0.05  # overlap of the face in one picture with that in the next
_OFTEN = 1 / 3  # of the pictures
_FOUND = "faces are found that are seen from the front and neither too small nor in the dark"
_NEAR = 0.5  # percentile: not one of 100 clips of other people is that close to what the model learned from
# Times the distance that 95 of 100 clips of other people do not exceed. Of faces it is no sign of mistakes: on 260 photographs of
# other people, up to 2.7 times as far, the models are right more often about the farther ones.
FAR_VOICE, _FAR_FACE = (1.0, 1.25), (2.0, np.inf)

# Figures: 160 photographs of FER+'s private test, as tests.bench.people draws glasses and masks over them.
_HINDRANCES = {
    "away": "the face is turned away, and half of it is not seen: trust the face less, or film it from the front.",
    "blurred": "the face is out of focus: blurred like this, the face network names 89 of 100 photographs right, and 92 that are sharp.",
    "eyes": "the eyes are covered or in the dark: with dark glasses the face network names 82 of 100 photographs right, and 92 without.",
    "mouth": "the mouth is covered: with a mask the face network names 52 of 100 photographs right, and 92 without.",
}


@dataclass(frozen=True)
class QualityCheck:
    """One line: ``modality`` is ``voice`` or ``face``, ``value`` in the unit that ``words`` name."""

    name: str
    modality: str
    level: Level
    value: float
    words: str


def check_quality(features: Features, model: EmotionModel) -> tuple[QualityCheck, ...]:
    """Every check that applies to what the model is shown."""
    found: list[QualityCheck] = []
    if features.audio is not None and model.judges(Modality.AUDIO):
        typical = typicality(features, model, Modality.AUDIO)
        found += _voice(features.audio, typical)
        if typical is None or typical.ratio > 1:  # what is like the training voices is speech, shouted or not: the detector misses some
            found.append(_speech(features.audio))
    if features.video is not None and model.judges(Modality.VIDEO):
        # A voice that is none, or noise, is nothing to fall back on.
        usable = bool(found) and all(check.level is not Level.RED for check in found)
        found += _face(features.video, typicality(features, model, Modality.VIDEO), usable)
        if not features.video.fallback:
            found += _in_sight(features.video)
    return tuple(found)


def should_be_asked(checks: tuple[QualityCheck, ...]) -> bool:
    """False if every modality that is there has something so wrong that the model knows nothing like it."""
    there = {check.modality for check in checks}
    bad = {check.modality for check in checks if check.level is Level.RED}
    return not there or there != bad


def _voice(audio: AudioFeatures, typical: Typicality | None) -> Iterator[QualityCheck]:
    blocks = audio.samples[: max(1, len(audio.samples) // HOP) * HOP].astype(float)
    blocks = blocks.reshape(-1, HOP) if len(blocks) >= HOP else blocks[None]
    decibels = 10 * np.log10((blocks**2).mean(axis=1) + 1e-12)
    if (sounds := decibels > _NOTHING).any():
        decibels = decibels[sounds]
    loud, quiet = float(np.percentile(decibels, 95)), float(np.percentile(decibels, 5))
    yield _length(audio.seconds)
    clipped = float(np.mean(np.abs(audio.samples + np.float32(audio.offset)) > _FULL_SCALE * audio.full))
    yield QualityCheck(
        "clipping",
        "voice",
        _above(clipped, _CLIPPED, _BADLY_CLIPPED),
        clipped,
        f"Overdriven (clipped) in {clipped:.0%} of its length: record further from the microphone."
        if clipped > _CLIPPED
        else "Not overdriven.",
    )
    yield QualityCheck(
        "level",
        "voice",
        Level.AMBER if loud < _QUIET else Level.GREEN,
        loud,
        f"Very quiet ({loud:.0f} dB at its loudest): record closer to the microphone." if loud < _QUIET else "Loud enough.",
    )
    yield QualityCheck(
        "noise",
        "voice",
        _below(loud - quiet, _NOISY, _TOO_NOISY),
        loud - quiet,
        f"Hardly any speech stands out from the background ({loud - quiet:.0f} dB): record a voice in a quiet room."
        if loud - quiet < _NOISY
        else f"Speech stands out from the background ({loud - quiet:.0f} dB).",
    )
    if typical is not None:
        yield _like("voice", typical, "words, voice, language or microphone", FAR_VOICE)


def _length(seconds: float) -> QualityCheck:
    words = f"{seconds:.1f} s long."
    if seconds < _SHORT:
        words = f"Only {seconds:.1f} s long: the model learned from clips of about 3 s; use a whole sentence."
    elif seconds > _LONG:
        words = f"{seconds:.0f} s long, and judged as one: the model learned from single sentences; cut out the one that matters."
    long = Level.AMBER if seconds > _LONG else Level.GREEN
    return QualityCheck("length", "voice", max(_below(seconds, _SHORT, _TOO_SHORT), long, key=list(Level).index), seconds, words)


def _face(video: VideoFeatures, typical: Typicality | None, usable_voice: bool) -> Iterator[QualityCheck]:
    found = [face for face in video.faces if face is not None]
    share = len(found) / len(video.faces)
    plain = sum(face is None and is_plain(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY)) for face, p in zip(video.faces, video.pictures, strict=True))
    advice = f"{_FOUND}; or judge the voice alone." if usable_voice else f"{_FOUND}."
    if plain and plain == len(video.faces) - len(found):
        advice = "they are black or show nothing." if found else "the pictures are black or show nothing."
    yield QualityCheck(
        "faces",
        "face",
        Level.RED if not found else _below(share, 1.0, _FEW),
        share,
        f"A face in {len(found)} of {len(video.faces)} pictures."
        if share == 1
        else f"A face in {len(found)} of {len(video.faces)} pictures, and the others were left out: {advice}"
        if found
        else f"No face was found, upright or turned, so the middle of the picture was used: {advice}",
    )
    if found:
        yield from _found_faces(video, found)
    bright = float(np.median([_brightness(picture) for picture in video.pictures]))
    yield QualityCheck(
        "light",
        "face",
        _below(bright, _DIM, _DARK),
        bright,
        "Low light: turn a lamp towards the face." if bright < _DIM else "Enough light.",
    )
    if typical is not None:
        yield _like("face", typical, "face, light or camera", _FAR_FACE)


def _brightness(picture: np.ndarray) -> float:
    """Of the brightest twentieth of a picture, by the strongest colour; every second pixel each way is enough."""
    return float(np.percentile(np.maximum.reduce(cv2.split(picture[::2, ::2])), 95))


def _found_faces(video: VideoFeatures, found: list[Box]) -> Iterator[QualityCheck]:
    width = float(np.median([face.w for face in found]))
    yield QualityCheck(
        "size",
        "face",
        _below(width, _SMALL, TOO_SMALL),
        width,
        f"The face is small ({width:.0f} pixels wide): move closer to the camera."
        if width < _SMALL
        else f"The face is {width:.0f} pixels wide.",
    )
    yield QualityCheck(
        "several",
        "face",
        Level.AMBER if video.several_faces else Level.GREEN,
        float(video.several_faces),
        "More than one face: the largest was followed; cut the picture to one person." if video.several_faces else "One face.",
    )
    judged = [face if used else None for face, used in zip(video.faces, video.used, strict=True)]
    least = min((a.overlap(b) for a, b in zip(judged, judged[1:], strict=False) if a is not None and b is not None), default=1.0)
    compared = len(video.who) > 0
    yield QualityCheck(
        "jump",
        "face",
        Level.AMBER if least < _JUMP and not compared else Level.GREEN,
        least,
        "The face moves in the picture; wherever it is judged, it looks like one person's."
        if least < _JUMP and compared
        else "The face jumps from one picture to the next: if that is a cut to another person, cut the video to one."
        if least < _JUMP
        else "The face stays where it is.",
    )


def _speech(audio: AudioFeatures) -> QualityCheck:
    likely = speech_probability(audio.samples)
    words = (
        "Speech is heard."
        if likely >= NO_SPEECH
        else f"No speech is heard in it ({likely:.0%} likely at its surest): use a recording of a voice."
    )
    return QualityCheck("speech", "voice", _below(likely, NO_SPEECH, NO_SPEECH), likely, words)


def _in_sight(video: VideoFeatures) -> Iterator[QualityCheck]:
    """What hinders the view of the face that is judged, where it does in more than a third of its pictures."""
    crops = video.crops[video.used]
    seen = visibility(crops, landmarks(crops))
    for name, words in _HINDRANCES.items():
        bad = getattr(seen, name)
        if bad.mean() > _OFTEN:
            yield QualityCheck(name, "face", Level.AMBER, float(bad.mean()), f"In {bad.sum()} of {len(bad)} pictures {words}")


def _like(modality: str, typical: Typicality, subject: str, bounds: tuple[float, float]) -> QualityCheck:
    """``bounds``: ratios above which it is amber and red."""
    far, percentile = typical.ratio, typical.percentile
    if typical.known:
        words = "The model has learned from this very recording: its answer proves nothing. Use one that it has not met."
        return QualityCheck("likeness", modality, Level.AMBER, percentile, words)
    unseen = f"than {100 - percentile:.0f} of 100 clips of unseen people are"
    if percentile < _NEAR:
        words = f"Closer to clips that the model learned from {unseen}: its answer here says little about new people."
        return QualityCheck("likeness", modality, Level.AMBER, percentile, words)
    level = _above(far, *bounds)
    words = f"Closer to the {typical.clips:,} reference clips {unseen}."
    if level is not Level.GREEN:
        so = "what the model says of it is a guess" if level is Level.RED else "trust the answer less"
        words = f"Unlike the {typical.clips:,} reference clips in {subject} ({far:.1f} times the usual distance): {so}."
    return QualityCheck("likeness", modality, level, percentile, words)


def _below(value: float, amber: float, red: float) -> Level:
    return Level.RED if value < red else Level.AMBER if value < amber else Level.GREEN


def _above(value: float, amber: float, red: float) -> Level:
    return _below(-value, -amber, -red)
