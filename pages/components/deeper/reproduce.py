"""The command and the lines of Python that give what is on the screen, to be copied."""

from __future__ import annotations

import hashlib
import platform
import shlex
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import streamlit as st

from models.labels import LABELS

if TYPE_CHECKING:
    from pages.components.session.state import Recording
    from xai.analysis import Analysis
    from xai.explanation import Contrast

_PACKAGES = ("torch", "torchvision", "numpy", "scipy", "av", "opencv-python-headless", "streamlit")


def show_reproduce(
    analysis: Analysis, contrast: Contrast, shown: Sequence[str], sample: str | None, recording: Recording | None = None
) -> None:
    """A command, lines of Python, and what they depend on.

    Args:
        shown: methods in the foreground.
        sample: where the files of a sample are, without their ending, seen from the root of the repository; None for a visitor's own.
        recording: tells which of the two files were given; without it, those that the model read.
    """
    files = files_of(analysis, sample, recording)
    st.markdown("### Reproduce what is on the screen")
    if sample is None:
        st.caption("Put the names of your files where it says voice.wav and face.mp4.")
    # Without colours: those of Streamlit's highlighting are too pale for 4.5 to 1.
    st.code(command(analysis, contrast, files), language=None, wrap_lines=True)
    st.code(python_lines(analysis, contrast, shown, files), language=None, wrap_lines=True)
    st.code(versions(analysis, recording), language=None, wrap_lines=True)


Files = tuple[str | None, str | None]
"""Names of the voice and of the face, None for what is not given."""


def files_of(analysis: Analysis, sample: str | None, recording: Recording | None = None) -> Files:
    """Which files make this recording, by the names of a sample or by made-up ones."""
    given = (recording.audio, recording.video) if recording else (analysis.features.audio, analysis.features.video)
    voice, face = (f"{sample}.wav", f"{sample}.mp4") if sample else ("voice.wav", "face.mp4")
    return None if given[0] is None else voice, None if given[1] is None else face


def command(analysis: Analysis, contrast: Contrast, files: Files) -> str:
    """The call of ``python -m xai`` with every setting that matters, those of its own defaults too."""
    from xai.methods import METHODS

    settings = analysis.settings
    words = ["python", "-m", "xai", *(name or "-" for name in files), "--out", "result", "--model", analysis.model.name]
    words += [
        "--target",
        contrast.label,
        *(["--against", contrast.rival] if contrast.rival else []),
        *(["--stride", str(settings.stride)] if settings.stride is not None else []),
        "--samples",
        str(settings.samples),
    ]
    words += ["--seed", str(settings.seed), "--shap", settings.estimator]
    if more := [key for key in analysis.attributions if not METHODS[key].comes_at_once(analysis.subject)]:
        words += ["--methods", *more]
    return shlex.join(words)


def python_lines(analysis: Analysis, contrast: Contrast, shown: Sequence[str], files: Files) -> str:
    """Lines that run from the root of the repository and print what is on the screen."""
    from xai.methods import METHODS

    settings, (voice, face) = analysis.settings, files
    against = "" if contrast.rival is None else f', LABELS.index("{contrast.rival}")'
    given = f"stride={settings.stride}, samples={settings.samples}, seed={settings.seed}, estimator={settings.estimator!r}"
    more = "".join(
        f'analysis = analysis.with_attribution("{key}")\n'
        for key in analysis.attributions
        if not METHODS[key].comes_at_once(analysis.subject)
    )
    return f"""\
from pathlib import Path

from models.checkpoint import load_model
from models.labels import LABELS
from xai.analysis import Settings, analyse, check_one
from xai.explanation import Contrast

voice = {_read(voice)}
face = {_read(face)}
settings = Settings({given})
analysis = analyse(voice, face, model=load_model("{analysis.model.name}"), settings=settings)
{more}print(analysis.label, dict(zip(LABELS, analysis.probabilities.round(4).tolist())))

contrast = Contrast(LABELS.index("{contrast.label}"){against})
for method in {list(shown)}:
    evidence = analysis.attributions[method].shown(contrast)
    print(method, evidence.shape, check_one(analysis, method, contrast).level)
"""


def _read(name: str | None) -> str:
    return "None" if name is None else f"Path({name!r}).read_bytes()"


def versions(analysis: Analysis, recording: Recording | None = None) -> str:
    """Which files, which weights and which packages: one line for each."""
    from models.checkpoint import WEIGHTS
    from models.provenance import commit

    model = analysis.model
    lines = [f"checkpoint  {model.name}, SHA-256 {model.digest}… of the file"]
    path = WEIGHTS / f"{model.name}.safetensors"
    if path.exists() and (whole := hashlib.sha256(path.read_bytes()).hexdigest()).startswith(model.digest):
        lines = [f"checkpoint  models/weights/{path.name}, SHA-256 {whole}"]
    if analysis.features.video is not None:
        lines.append(f"backbone    {model.backbone}, SHA-256 {model.load_backbone().digest}…")
    given = {"voice": recording.audio, "face": recording.video} if recording else {}
    lines = [*(f"{name:<12}SHA-256 {hashlib.sha256(data).hexdigest()}" for name, data in given.items() if data), *lines]
    packages = ", ".join(f"{name} {found}" for name in _PACKAGES if (found := _version(name)))
    lines += [f"EmoLens     commit {commit()}, labels {', '.join(LABELS)}", f"Python      {platform.python_version()}, {packages}"]
    return "\n".join(lines)


def _version(package: str) -> str | None:
    """None where another package gives the same module."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
