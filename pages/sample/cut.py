"""Cut the filmed samples from RAVDESS: ``python -m pages.sample.cut FOLDER``, which holds the clips named in ``CUTS`` and ``PAIR``.

Each becomes one MP4 (480 pixels high, H.264 and mono AAC) and one small JPEG for the gallery. What was changed, and the licence, is
in ``CREDITS.md`` and in each file itself.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

HERE = Path(__file__).parent
CREDIT = "From RAVDESS (Livingstone & Russo 2018, doi 10.1371/journal.pone.0196391), CC BY-NC-SA 4.0; cut and re-encoded"
WIDTH, HEIGHT = 848, 480  # multiples of 16, the size of the encoder's blocks
FPS = Fraction(30000, 1001)
RATE = 48_000
THUMBNAIL = (256, 144)
_NEARER = 1.15  # of two actors one is drawn larger, so that it is clear whose face is followed
_REST = 15  # pictures at either end of a clip in which its actor is silent
# With one thread and without x264's macroblock tree, whose sums differ from run to run, a clip always gives the same bytes.
_X264 = {"preset": "slow", "crf": "22", "threads": "1", "x264-params": "mbtree=0"}


@dataclass(frozen=True)
class Clip:
    """Decoded: ``pictures`` uint8 (n, h, w, 3) at ``FPS``, ``samples`` float32 (n,) at ``RATE``."""

    pictures: np.ndarray
    samples: np.ndarray

    def between(self, first: int, last: int | None) -> Clip:
        """Pictures ``first`` to ``last`` (not included; None: to the end), and the sound beside them."""
        start, end = (None if i is None else round(i / FPS * RATE) for i in (first, last))
        return Clip(self.pictures[first:last], self.samples[start:end])


@dataclass(frozen=True)
class Cut:
    """What is taken of a clip: pictures ``first`` to ``last``, not included, or to the end."""

    clip: str
    first: int = 0
    last: int | None = None


CUTS = {
    "sure": Cut("01-01-03-01-01-02-05", 10),
    "unsure": Cut("01-01-06-02-01-01-05", 29),
    "wrong": Cut("01-01-04-01-01-01-05"),
    "disagree": Cut("01-01-08-02-02-02-01"),
}
PAIR = Cut("01-01-01-01-01-01-01", 20, 80), Cut("01-01-08-01-02-01-05", 20, 80)


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("folder", type=Path, help="where the MP4 files of RAVDESS are")
    folder = p.parse_args().folder
    for name, cut in CUTS.items():
        save(name, take(folder, cut))
    save("two", in_turn(*(take(folder, cut) for cut in PAIR)))
    save_thumbnail("sample", read(HERE / "sample.mp4").pictures[20])


def take(folder: Path, cut: Cut) -> Clip:
    """The part of a clip that ``cut`` names."""
    return read(folder / f"{cut.clip}.mp4").between(cut.first, cut.last)


def read(path: Path) -> Clip:
    """Decode a video and its sound, if it has any."""
    with av.open(str(path)) as container:
        pictures = [_scaled(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    samples = np.zeros(0, np.float32)
    with av.open(str(path)) as container:
        if container.streams.audio:
            resampler = av.AudioResampler("fltp", "mono", RATE)
            frames = [*container.decode(audio=0), None]
            samples = np.concatenate([part.to_ndarray()[0] for frame in frames for part in resampler.resample(frame)])
    return Clip(np.stack(pictures), samples)


def in_turn(left: Clip, right: Clip) -> Clip:
    """Two actors side by side, the left one nearer; he speaks first, and each rests while the other speaks."""
    near, far = _middle(left.pictures, _NEARER), _middle(right.pictures)
    rests, waits = _resting(near[-_REST:], len(far)), _resting(far[:_REST][::-1], len(near))[::-1]
    pictures = np.concatenate([np.concatenate([near, rests]), np.concatenate([waits, far])], axis=2)
    return Clip(pictures, np.concatenate([left.samples, right.samples]))


def _middle(pictures: np.ndarray, zoom: float = 1.0) -> np.ndarray:
    """Half of their width, without the empty sides, drawn ``zoom`` times as large."""
    height, width = pictures.shape[1:3]
    rows, columns = round(height / zoom), round(width / 2 / zoom)
    top, left = (height - rows) // 2, (width - columns) // 2
    parts = pictures[:, top : top + rows, left : left + columns]
    return np.stack([cv2.resize(part, (width // 2, height), interpolation=cv2.INTER_CUBIC) for part in parts])


def _resting(pictures: np.ndarray, count: int) -> np.ndarray:
    """``count`` pictures of an actor who does nothing: the last of these back to the first, and forth again."""
    order = np.concatenate([np.arange(len(pictures))[::-1], np.arange(1, len(pictures) - 1)])
    return pictures[np.resize(order, count)]


def _scaled(picture: np.ndarray) -> np.ndarray:
    """``HEIGHT`` high, and at most ``WIDTH`` wide: what is more is cut off on both sides."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (round(width * HEIGHT / height), HEIGHT), interpolation=cv2.INTER_AREA)
    left = max(0, small.shape[1] - WIDTH) // 2
    return small[:, left : left + WIDTH]


def save(name: str, clip: Clip) -> None:
    """Write a sample and its thumbnail into this folder."""
    write(HERE / f"{name}.mp4", clip)
    save_thumbnail(name, clip.pictures[len(clip.pictures) // 2])
    print(name, (HERE / f"{name}.mp4").stat().st_size // 1000, "kB")


def write(path: Path, clip: Clip) -> None:
    """Encode a clip as MP4, without anything in it that tells when it was made."""
    with av.open(str(path), "w", options={"fflags": "bitexact", "movflags": "faststart"}) as out:
        out.metadata["copyright"] = CREDIT
        film = out.add_stream("libx264", rate=FPS, options=_X264)
        film.height, film.width, film.pix_fmt = *clip.pictures.shape[1:3], "yuv420p"
        track = out.add_stream("aac", rate=RATE, layout="mono", options={"b": "96000", "flags": "bitexact"})
        for picture in clip.pictures:
            out.mux(film.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(film.encode())
        for block in _blocks(clip.samples):
            out.mux(track.encode(block))
        out.mux(track.encode())


def _blocks(samples: np.ndarray, size: int = 1024) -> Iterator[av.AudioFrame]:
    for start in range(0, len(samples), size):
        frame = av.AudioFrame.from_ndarray(samples[None, start : start + size], format="fltp", layout="mono")
        frame.rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        yield frame


def save_thumbnail(name: str, picture: np.ndarray) -> None:
    """A small JPEG of a picture, cut to its shape."""
    height, width = picture.shape[:2]
    wide, high = min(width, height * THUMBNAIL[0] // THUMBNAIL[1]), min(height, width * THUMBNAIL[1] // THUMBNAIL[0])
    left, top = (width - wide) // 2, (height - high) // 4  # above the middle there are the faces
    small = cv2.resize(picture[top : top + high, left : left + wide], THUMBNAIL, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(HERE / f"{name}.jpg"), small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])


if __name__ == "__main__":
    main()
