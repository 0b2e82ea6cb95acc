"""What every file must live up to, whatever is in it: used by the fuzzer, and by the test that replays its findings."""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np

SECONDS = 5.0  # of processor time
MEGABYTES = 450.0  # a sound may unpack to 160 MB, which FFmpeg hands over in blocks that are then joined
STATUS, REFERENCES = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def complaint(data: bytes) -> str | None:
    """What is wrong with how the readers take ``data``, in a few words that are the same for the same fault; None if nothing."""
    for reader in (_listen, _look, _ask):
        start, before = time.process_time(), _memory()
        fault = _fault(reader, data)
        if fault:
            return fault
        if time.process_time() - start > SECONDS:
            return f"{reader.__name__}: too slow"
        if _memory("VmHWM") - before > MEGABYTES:
            return f"{reader.__name__}: too much memory"
    return None


def _fault(reader: Callable[[bytes], None], data: bytes) -> str | None:
    from features import MediaError

    try:
        reader(data)
    except MediaError as refusal:
        sentence = str(refusal)
        return None if sentence.endswith(".") and len(sentence) < 250 and "\n" not in sentence else f"{reader.__name__}: not a sentence"
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{reader.__name__}: {type(error).__name__} in {place.name}"
    return None


def _listen(data: bytes) -> None:
    from features.audio import RATE, extract_audio
    from features.media import MAX_SECONDS, read_sound

    audio = extract_audio(read_sound(data))
    assert len(audio.samples) <= MAX_SECONDS * RATE + 1
    assert np.isfinite(audio.samples).all()
    assert np.isfinite(audio.vector).all()


def _look(data: bytes) -> None:
    from features.media import MAX_SECONDS, WORK_SIDE, read_frames

    lengths: list[float] = []
    frames = [(frame.index, frame.time, max(frame.rgb.shape[:2])) for frame in read_frames(data, 2, lengths.append)]
    indices, times, sides = zip(*frames, strict=True)
    assert list(indices) == list(range(0, 2 * len(frames), 2))
    assert min(times) >= 0
    assert max(times) <= MAX_SECONDS
    assert max(sides) <= WORK_SIDE
    assert lengths[0] >= max(times)


def _ask(data: bytes) -> None:
    from features.media import has_sound

    has_sound(data)


def _memory(what: str = "VmRSS") -> float:
    """Resident megabytes, now or (``VmHWM``) at most since the last call; 0 where the system does not say."""
    if not STATUS.exists():
        return 0.0
    if what == "VmRSS":
        REFERENCES.write_text("5", encoding="ascii")  # forgets the peak so far
    found = re.search(rf"{what}:\s+(\d+)", STATUS.read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else 0.0
