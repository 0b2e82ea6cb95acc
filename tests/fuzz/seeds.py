"""Small files of every kind that the readers know."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.conftest import encode_video, tone, wav


def seeds() -> Iterator[bytes]:
    """Sounds of a tenth of a second or two, films of a few small pictures."""
    sound = tone(0.15, rate=8000)
    for subtype in ("PCM_U8", "PCM_16", "PCM_24", "FLOAT", "ULAW", "IMA_ADPCM"):
        yield wav(sound, 8000, subtype)
    yield wav(np.stack([sound] * 3, axis=1), 8000)
    for fmt, subtype in (("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"), ("AIFF", "PCM_16"), ("CAF", "PCM_16")):
        yield wav(sound, 8000, subtype, fmt)
    pictures = [np.full((32, 48, 3), 40 * i, np.uint8) for i in range(5)]
    kinds = [("mp4", "libx264"), ("mp4", "mpeg4"), ("matroska", "libx264"), ("webm", "libvpx-vp9"), ("avi", "mpeg4"), ("flv", "flv1")]
    for container, codec in kinds:
        yield encode_video(pictures, container=container, codec=codec)
    yield encode_video(pictures, sound=tone(0.2))
    yield encode_video(pictures, container="mpegts")
