"""The voice of a session in pieces: one channel at 22,050 Hz, chosen as for a short clip, and never held as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import soxr

from features.audio import RATE
from features.media.channels import Mix, mix_of
from features.media.clock import SoundTimes
from features.media.limits import MediaError
from features.media.opening import decoded
from features.media.sound import Sound, most_like_speech, samples_of
from features.session.source import Source, stretch_of_sound

BLOCK = 10.0  # seconds in each piece
_PROBES, _PROBE = 8, 6.0  # stretches that decide which track and which channels have the voice, and seconds of each
_CONTEXT = 0.1  # seconds before a stretch that settle the filter of the resampling


@dataclass(frozen=True)
class VoiceTrack:
    """Where in the file the voice is, and how its channels become one.

    Attributes:
        number: of the sound track.
        rate: in Hz.
        mix: of its channels.
        notes: sentences about what was chosen or left out.
    """

    number: int
    rate: int
    mix: Mix
    notes: tuple[str, ...]


def find_voice(source: Source) -> VoiceTrack:
    """The track and the channels that have the voice, judged by eight stretches of six seconds.

    Raises:
        MediaError: the session has no sound that can be decoded.
    """
    if not source.sounds:
        raise MediaError("The file has no sound track: nobody is heard in it.")
    sound = _probed(source, 0) if source.sounds == 1 else most_like_speech(lambda number: _probed(source, number), source.sounds)
    mix = mix_of(sound)
    return VoiceTrack(sound.track, sound.rate, mix, (*sound.notes, *mix.notes))


def _probed(source: Source, number: int) -> Sound:
    """Stretches from all over a track, one after the other."""
    starts = np.linspace(0, max(0.0, source.seconds - _PROBE), _PROBES if source.seconds > _PROBES * _PROBE else 1)
    length = _PROBE if len(starts) > 1 else source.seconds + 1
    found, fault = [], None
    for start in starts:
        try:
            found.append(stretch_of_sound(source, number, float(start), length))
        except MediaError as error:
            fault = error
    alike = [part for part in found if (part.rate, part.samples.shape[1]) == (found[0].rate, found[0].samples.shape[1])]
    if not alike:
        raise fault or MediaError("The sound cannot be decoded: the file may be damaged; export it again.")
    return replace(alike[0], samples=np.concatenate([part.samples for part in alike]))


def sound_blocks(source: Source, voice: VoiceTrack) -> Iterator[tuple[float, np.ndarray]]:
    """The voice from beginning to end: when each piece starts, in seconds, and float32 (n,) at 22,050 Hz, ten seconds each but the last.

    Silence stands for what is missing in the file, as in :func:`features.media.read_sound`.
    """
    resample = soxr.ResampleStream(voice.rate, RATE, 1, "float32", "HQ")
    size = round(BLOCK * RATE)
    waiting, count, start, sent = [], 0, 0.0, 0
    for start, mono in _decoded(source, voice):
        waiting.append(resample.resample_chunk(mono))
        count += len(waiting[-1])
        while count >= size:
            whole = np.concatenate(waiting)
            yield start + sent / RATE, whole[:size]
            waiting, count, sent = [whole[size:]], count - size, sent + size
    waiting.append(resample.resample_chunk(np.zeros(0, np.float32), last=True))
    rest = np.concatenate(waiting)
    if len(rest):
        yield start + sent / RATE, rest


def _decoded(source: Source, voice: VoiceTrack) -> Iterator[tuple[float, np.ndarray]]:
    """When the track starts, and one channel of each of its blocks at its own rate."""
    with source.container("sound") as container:
        times = SoundTimes(container, voice.rate, source.clock)
        channels = len(voice.mix.offsets)
        for frame in decoded(container, container.streams.audio[voice.number]):
            missing = times.silence_before(frame.time)
            parts = samples_of(frame, voice.rate, channels)
            if not parts:
                continue
            for length in (voice.rate,) * (missing // voice.rate) + (missing % voice.rate,):
                if length:
                    yield times.start, np.zeros(length, np.float32)
            times.placed(missing + parts[0].shape[1])
            yield times.start, voice.mix(parts[0].T)


def voice_between(source: Source, voice: VoiceTrack, start: float, end: float) -> tuple[float, np.ndarray]:
    """A stretch of the voice: when it starts, in seconds, and float32 (n,) at 22,050 Hz.

    Raises:
        MediaError: nothing of it can be decoded.
    """
    before = min(_CONTEXT, start)
    sound = stretch_of_sound(source, voice.number, start - before, end - start + 2 * before)
    mono = voice.mix(sound.samples)
    samples = soxr.resample(mono, sound.rate, RATE, quality="HQ")
    first = max(0, round((start - sound.start) * RATE))
    return max(start, sound.start), samples[first : first + round((end - start) * RATE)]
