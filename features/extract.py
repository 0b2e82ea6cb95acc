"""From the bytes of a recording to features: 40 MFCC means of the voice, 512 means of ResNet-18 maps of the face."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from features.audio import MFCC_NAMES, AudioFeatures, extract_audio
from features.media import MediaError, file_end, has_sound, read_sound
from features.pairing import pair
from features.people import WhoseFace
from features.space import FeatureSpace, Modality
from features.speech import is_silent
from features.video import FACE_NAMES, VideoFeatures, watch
from features.voice_activity import is_speech

SPACE = FeatureSpace({Modality.AUDIO: MFCC_NAMES, Modality.VIDEO: FACE_NAMES})

_LENGTHS_DIFFER = 0.5  # seconds
_STARTS_DIFFER = 0.2  # seconds
# What is in the middle of such a picture is no evidence, and would outweigh the voice: beside a voice it is not judged.
_NO_FACE = (
    "No face was found in the video, upright or turned, so only the voice was judged: "
    "faces are found that are seen from the front and neither too small nor in the dark."
)
_NO_SPEECH = "No speech is heard in the recording, so only the face was judged."
_NOTHING = "Nothing to analyse: add a recording of a voice, a video of a face, or both."

Part = AudioFeatures | VideoFeatures
Progress = Callable[[str], None]
Encoders = Mapping[Modality, Callable[[np.ndarray], Any]]
"""How each modality is turned into numbers; a modality that has no encoder is not read.

``AUDIO``: float32 (n,) samples at 22,050 Hz → :class:`~features.audio.AudioFeatures`, by default
:func:`~features.audio.mfcc_features`. ``VIDEO``: uint8 (n, 224, 224, 3) face crops → float32 (n, 512, 7, 7) maps.
"""


@dataclass(frozen=True)
class Features:
    """Everything that was extracted from one recording.

    Attributes:
        parts: by modality. A modality is left out where it is missing: a voice that is silent beside a face, a video without a
            face beside a voice.
        warnings: sentences about what was left out or does not fit together.
        seconds: wall-clock seconds by stage.
    """

    parts: Mapping[Modality, Part]
    warnings: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def audio(self) -> AudioFeatures | None:
        """The voice, if it is there."""
        return self.parts.get(Modality.AUDIO)  # type: ignore[return-value]

    @property
    def video(self) -> VideoFeatures | None:
        """The face, if it is there."""
        return self.parts.get(Modality.VIDEO)  # type: ignore[return-value]

    @property
    def length(self) -> float:
        """What is known of the length, in seconds on the clock: to the end of the voice, or to the last frame that was looked at."""
        ends = [self.audio.end] if self.audio is not None else []
        if self.video is not None:
            ends.append(float(self.video.times[-1]))
        return max(ends)

    @property
    def modalities(self) -> frozenset[Modality]:
        """Those that are there."""
        return frozenset(self.parts)

    @cached_property
    def space(self) -> FeatureSpace:
        """The columns of :attr:`vector`: those of the encoders that it was made by, the default ones of what is missing."""
        return FeatureSpace({m: self.parts[m].names if m in self.parts else own for m, own in SPACE.columns.items()})

    @cached_property
    def vector(self) -> np.ndarray:
        """float64 (d,), raw (not standardised), (552,) by the default encoders; NaN where a modality is missing."""
        return self.space.join({modality: part.vector for modality, part in self.parts.items()})

    def with_part(self, modality: Modality, part: Part | None) -> Features:
        """The same recording with another voice or face, or, for None, without it.

        >>> Features({}).with_part(Modality.VIDEO, None).vector.shape
        (552,)
        """
        others = {m: own for m, own in self.parts.items() if m is not modality}
        parts = others if part is None else others | {modality: part}
        return replace(self, parts={m: parts[m] for m in Modality if m in parts})


def extract(
    audio: bytes | None,
    video: bytes | None,
    encoders: Encoders,
    *,
    whose: WhoseFace | None = None,
    stride: int | None = None,
    on_stage: Progress | None = None,
) -> Features:
    """Decode a recording and compute its features.

    Args:
        audio: bytes of a sound file; None takes the sound track of ``video``, if it has one.
        video: bytes of a video file; None for the voice alone.
        encoders: see :data:`Encoders`.
        whose: compares faces, so that only the person who is seen longest is judged; None takes all faces for one person's.
        stride: every ``stride``-th frame is looked at; None: about one picture a second (:mod:`features.media.sampling`).
        on_stage: told in plain words what begins now.

    Raises:
        MediaError: a file cannot be used, or neither voice nor face is there.

    >>> from features.audio import mfcc_features
    >>> voice = open("pages/sample/sample.wav", "rb").read()
    >>> found = extract(voice, None, {Modality.AUDIO: mfcc_features})
    >>> found.vector.shape, found.audio.mel_db.shape[0], sorted(found.modalities)
    ((552,), 128, [<Modality.AUDIO: 'audio'>])
    """
    say = on_stage or (lambda _: None)
    if audio is None and video is None:
        raise MediaError(_NOTHING)
    clock = _Clock()
    warnings: list[str] = []
    lasts: list[float] = []  # seconds of the video, once it has been read
    heard = seen = None
    if (track := _sound_of(audio, video, encoders, warnings)) is not None:
        say("Listening to the voice…")
        alone = video is None or Modality.VIDEO not in encoders
        heard, notes = _listen(track, encoders[Modality.AUDIO], needed=audio is not None, alone=alone)
        warnings += notes
        clock.lap("audio")
    if video is not None and Modality.VIDEO in encoders:
        say("Reading the video and looking for the face…")
        look = encoders[Modality.VIDEO]
        seen, notes = watch(
            video, look, whose, stride=stride, on_frame=lambda n: say(f"Looking for the face… frame {n}"), on_end=lasts.append
        )
        warnings += notes
        if heard is not None and seen.fallback:
            seen = None
            warnings.append(_NO_FACE)
        elif heard is not None and not is_speech(heard.samples):
            heard = None
            warnings.append(_NO_SPEECH)
        clock.lap("video")
    if heard is not None and audio is not None and video is not None and lasts:
        warnings += _length_warnings(heard, video, lasts[0])
    if heard is not None and audio is not None and video is not None and seen is not None:
        say("Comparing the voice with the sound of the video…")
        warnings += _pair_warnings(heard, video)
        clock.lap("pairing")
    if heard is None and seen is None:
        raise MediaError(_NOTHING)
    found: dict[Modality, Part | None] = {Modality.AUDIO: heard, Modality.VIDEO: seen}
    return Features({m: part for m, part in found.items() if part is not None}, tuple(warnings), clock.seconds)


class _Clock:
    """Seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage], self._last = now - self._last, now


def _sound_of(audio: bytes | None, video: bytes | None, encoders: Encoders, warnings: list[str]) -> bytes | None:
    """The file in which the voice is; None, with a warning if that is a surprise, where there is none to be read."""
    if Modality.AUDIO not in encoders:
        return None
    if audio is not None or video is None:
        return audio
    if not has_sound(video):
        warnings.append("The video has no sound: only the picture was judged.")
        return None
    return video


def _listen(track: bytes, encoder: Callable[[np.ndarray], Any], needed: bool, alone: bool) -> tuple[AudioFeatures | None, list[str]]:
    """The voice, or None with a warning where the face can be judged without it.

    Args:
        needed: the visitor gave it as a voice, so a broken one is an error; the sound track of a video is an extra.
        alone: there is no face, so silence leaves nothing to judge.
    """
    try:
        heard = extract_audio(read_sound(track), encoder)
    except MediaError:
        if needed:
            raise
        return None, ["The sound of the video cannot be used: only the picture was judged."]
    if not is_silent(heard.samples):
        return heard, list(heard.notes)
    if alone:
        raise MediaError("The recording is silent: check the microphone and record it again.")
    return None, ["The recording is silent: only the picture was judged."]


def _length_warnings(audio: AudioFeatures, video: bytes, last: float) -> list[str]:
    """Of a voice in a file of its own, which may end with the picture, at ``last`` seconds, or with the video's own sound."""
    if abs(audio.end - last) <= _LENGTHS_DIFFER or abs(audio.end - file_end(video)) <= _LENGTHS_DIFFER:
        return []
    return [f"The voice lasts {audio.end:.1f} s and the video {last:.1f} s: check that they belong together."]


def _pair_warnings(audio: AudioFeatures, video: bytes) -> list[str]:
    found = pair(audio.samples, video, audio.start)
    if found is None:
        return []
    if not found.same:
        return ["The voice is not what is heard in the video: check that they are of one take. They are judged together nevertheless."]
    if abs(found.lag) > _STARTS_DIFFER:
        order = "later" if found.lag > 0 else "earlier"
        return [f"The same words are {abs(found.lag):.1f} s {order} in the sound file than in the video: let both start together."]
    return []
