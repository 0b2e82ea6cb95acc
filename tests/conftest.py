"""What all tests share: where the data is, small recordings, and the shipped model."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from xdist.scheduler import LoadScopeScheduling

from features.audio import RATE

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
SAMPLE = ROOT / "pages" / "sample"


class OneServerAtATime(LoadScopeScheduling):
    """A module runs in one worker; so do all that start the app, whose browsers and crowds would starve each other."""

    def _split_scope(self, nodeid: str) -> str:
        module = super()._split_scope(nodeid)
        return "servers" if "/load/" in module or "test_browser" in module else module


def pytest_xdist_make_scheduler(config, log):
    return OneServerAtATime(config, log)


@pytest.fixture(scope="session")
def data() -> Path:
    """The RAVDESS folder beside the checkout."""
    if not DATA.exists():
        pytest.skip(f"the data folder {DATA.relative_to(ROOT.parent)} is not beside this checkout")
    return DATA


@pytest.fixture(scope="session")
def clips(data: Path) -> list[tuple[bytes, bytes]]:
    """The seven original pairs as (WAV, MP4)."""
    videos = sorted((data / "clips").glob("01-*.mp4"))
    return [((v.parent / f"03{v.stem[2:]}.wav").read_bytes(), v.read_bytes()) for v in videos]


@pytest.fixture(scope="session")
def sample() -> tuple[bytes, bytes]:
    """The synthetic pair inside the repository."""
    return (SAMPLE / "sample.wav").read_bytes(), (SAMPLE / "sample.mp4").read_bytes()


@pytest.fixture(scope="session")
def model():
    from models.checkpoint import load_model

    return load_model()


@pytest.fixture(scope="session")
def backbone():
    from models.networks.backbone import load_backbone

    return load_backbone()


@pytest.fixture(scope="session")
def sample_analysis(sample):
    from xai.analysis import analyse

    return analyse(*sample)


def wav(samples: np.ndarray, rate: int = RATE, subtype: str = "PCM_16", fmt: str = "WAV") -> bytes:
    """Encode (n,) or (n, channels) samples."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, subtype=subtype, format=fmt)
    return buffer.getvalue()


def tone(seconds: float = 1.0, hz: float = 440.0, rate: int = RATE) -> np.ndarray:
    """A sine of amplitude 0.3."""
    return 0.3 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)


def encode_video(
    frames,
    fps: int = 30,
    container: str = "mp4",
    codec: str = "libx264",
    sound: np.ndarray | None = None,
    pixels: str = "yuv420p",
) -> bytes:
    """Encode uint8 (h, w, 3) pictures, and a mono sound track if one is given, in memory."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        pictures = list(frames)
        stream = out.add_stream(codec, rate=fps)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        track = out.add_stream("aac", rate=RATE) if sound is not None else None
        for picture in pictures:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
        if track is not None:
            frame = av.AudioFrame.from_ndarray(sound[None].astype(np.float32), format="fltp", layout="mono")
            frame.rate = RATE
            for part in av.AudioResampler("fltp", "mono", RATE, frame_size=1024).resample(frame):
                out.mux(track.encode(part))
            out.mux(track.encode())
    return buffer.getvalue()
