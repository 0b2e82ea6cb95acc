"""The 552 numbers: 40 MFCC means, then 512 means of ResNet-18 maps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from features.audio import N_MFCC, SILENT, AudioFeatures, extract_audio
from features.media import MediaError, has_sound, read_frames, read_sound
from features.pairing import pair
from features.video import Backbone, VideoFeatures, extract_video

N_AUDIO = N_MFCC
N_VISUAL = 512
N_FEATURES = N_AUDIO + N_VISUAL
FEATURE_NAMES = [f"mfcc_{i:02d}" for i in range(N_AUDIO)] + [f"face_{i:03d}" for i in range(N_VISUAL)]

_LENGTHS_DIFFER = 0.5  # seconds
_STARTS_DIFFER = 0.2  # seconds
# What is in the middle of such a picture is no evidence, and would outweigh the voice: beside a voice it is not judged.
_ONLY_HEARD = "No face was found in the video, so only the voice was judged: use a frontal camera, with light on the face."

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Features:
    """Everything that was extracted from one recording.

    Attributes:
        audio, video: None where that modality is missing: a voice that is silent beside a face, a video without a face beside a voice.
        vector: float64 (552,), raw (not standardised); NaN where the modality is missing.
        warnings: sentences that belong beside the prediction.
        seconds: wall-clock seconds by stage.
    """

    audio: AudioFeatures | None
    video: VideoFeatures | None
    vector: np.ndarray
    warnings: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)


def join(mfcc: np.ndarray | None, face: np.ndarray | None) -> np.ndarray:
    """(40,) and (512,) → (552,); NaN stands for a missing modality."""
    audio = np.full(N_AUDIO, np.nan) if mfcc is None else mfcc
    visual = np.full(N_VISUAL, np.nan) if face is None else face
    return np.concatenate([audio, visual])


def extract(
    audio: bytes | None,
    video: bytes | None,
    backbone: Backbone,
    *,
    stride: int = 30,
    hear: bool = True,
    on_stage: Progress | None = None,
) -> Features:
    """Decode a recording and compute its feature vector.

    Args:
        audio: bytes of a sound file; None takes the sound track of ``video``, if it has one.
        video: bytes of a video file; None for the voice alone.
        backbone: see :data:`features.video.Backbone`.
        stride: every ``stride``-th frame is looked at.
        hear: False leaves the sound track of ``video`` alone.
        on_stage: told in plain words what begins now.

    Raises:
        MediaError: a file cannot be used, or neither voice nor face is there.
    """
    say = on_stage or (lambda _: None)
    if audio is None and video is None:
        raise MediaError("Nothing to analyse: add a recording of a voice, a video of a face, or both.")
    seconds: dict[str, float] = {}
    clock = time.perf_counter()

    def lap(stage: str) -> None:
        nonlocal clock
        seconds[stage], clock = time.perf_counter() - clock, time.perf_counter()

    warnings: list[str] = []
    lasts: list[float] = []  # seconds of the video, once it has been read
    heard = seen = None
    track = audio
    if audio is None and video is not None and hear:
        track = video if has_sound(video) else None
        if track is None:
            warnings.append("The video has no sound: only the picture was judged.")
    if track is not None:
        say("Listening to the voice…")
        heard, note = _listen(track, needed=audio is not None, alone=video is None)
        warnings += note
        lap("audio")
    if video is not None:
        say("Reading the video and looking for the face…")
        frames = read_frames(video, stride, lasts.append)
        seen = extract_video(frames, backbone, lambda n: say(f"Looking for the face… frame {n}"))
        if heard is not None and seen.fallback:
            seen = None
            warnings.append(_ONLY_HEARD)
        lap("video")
    warnings += _audio_warnings(heard) + _video_warnings(seen, heard is not None) + _length_warnings(heard, *lasts)
    if heard is not None and audio is not None and video is not None and seen is not None:
        say("Comparing the voice with the sound of the video…")
        warnings += _pair_warnings(heard, video)
        lap("pairing")
    vector = join(heard.mfcc if heard else None, seen.mean if seen else None)
    return Features(heard, seen, vector, tuple(warnings), seconds)


def _listen(track: bytes, needed: bool, alone: bool) -> tuple[AudioFeatures | None, list[str]]:
    """The voice, or None with a warning where the face can be judged without it.

    Args:
        needed: the visitor gave it as a voice, so a broken one is an error; the sound track of a video is an extra.
        alone: there is no face, so silence leaves nothing to judge.
    """
    try:
        heard = extract_audio(read_sound(track))
    except MediaError:
        if needed:
            raise
        return None, ["The sound of the video cannot be used: only the picture was judged."]
    level = float(heard.samples.std(dtype=np.float64))  # a constant is silence too
    if level >= SILENT:
        return heard, []
    if alone:
        raise MediaError("The recording is silent: check the microphone and record it again.")
    return None, ["The recording is silent: only the picture was judged."]


def _audio_warnings(audio: AudioFeatures | None) -> list[str]:
    if audio is None:
        return []
    found = []
    if np.mean(np.abs(audio.samples) > 0.99) > 0.01:
        found.append("The recording is overdriven (clipped): record further from the microphone.")
    if audio.seconds < 1.0:
        found.append(f"The recording lasts only {audio.seconds:.1f} s: the model learned from clips of about 3 s.")
    return found


def _video_warnings(video: VideoFeatures | None, heard: bool) -> list[str]:
    if video is None:
        return []
    total, missing = len(video.faces), sum(face is None for face in video.faces)
    found = []
    if video.fallback:
        found.append("No face was found in the video, so the middle of the picture was used: use a frontal camera.")
    elif missing:
        advice = "use a frontal camera" + (", or judge the voice alone." if heard else ".")
        found.append(f"No face in {missing} of {total} frames, which were left out: {advice}")
    if video.several_faces:
        found.append("More than one face was seen: the largest was followed; cut the picture to one person to be sure.")
    return found


def _length_warnings(audio: AudioFeatures | None, video_seconds: float | None = None) -> list[str]:
    if audio is None or video_seconds is None or abs(audio.seconds - video_seconds) <= _LENGTHS_DIFFER:
        return []
    return [f"The voice lasts {audio.seconds:.1f} s and the video {video_seconds:.1f} s: check that they belong together."]


def _pair_warnings(audio: AudioFeatures, video: bytes) -> list[str]:
    found = pair(audio.samples, video)
    if found is None:
        return []
    if not found.same:
        return ["The voice is not what is heard in the video: check that they are of one take. They are judged together nevertheless."]
    if abs(found.lag) > _STARTS_DIFFER:
        order = "later" if found.lag > 0 else "earlier"
        return [f"The same words are {abs(found.lag):.1f} s {order} in the sound file than in the video: let both start together."]
    return []
