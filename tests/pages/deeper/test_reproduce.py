"""What is copied from the page gives what is on the page: the lines of Python run, and so does the command."""

import contextlib
import hashlib
import io
import json
import shlex
from dataclasses import replace

import pytest
from numpy.testing import assert_allclose
from streamlit.testing.v1 import AppTest

from models.checkpoint import WEIGHTS, load_model
from models.labels import LABELS
from pages.components.deeper.reproduce import command, files_of, python_lines, versions
from pages.components.session.state import Recording
from tests.conftest import ROOT
from xai.__main__ import main
from xai.analysis import Settings, analyse
from xai.explanation import Contrast

SAMPLE = "pages/sample/sample"
SETTINGS = Settings(stride=50, samples=300, seed=3, estimator="shap")


@pytest.fixture(scope="module")
def unusual(sample):
    """No setting has its default value, and there is one method more."""
    return analyse(*sample, model=load_model("linear"), settings=SETTINGS).with_attribution("integrated_gradients")


@pytest.fixture
def at_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def run(lines: str) -> tuple[dict, str]:
    names, said = {}, io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(lines, names)
    return names, said.getvalue()


@pytest.mark.usefixtures("at_root")
def test_the_lines_of_python_give_what_is_on_the_screen(unusual):
    contrast = Contrast(LABELS.index("happy"), LABELS.index("sad"))
    shown = ["lime", "integrated_gradients"]
    names, said = run(python_lines(unusual, contrast, shown, files_of(unusual, SAMPLE)))
    again = names["analysis"]
    assert again.label == unusual.label
    assert_allclose(again.probabilities, unusual.probabilities, atol=1e-6)
    assert (again.settings, names["contrast"], again.model.digest) == (SETTINGS, contrast, unusual.model.digest)
    for method in unusual.attributions:
        assert_allclose(again.attributions[method].values, unusual.attributions[method].values, atol=1e-4)
    assert said.startswith(f"{unusual.label} ")
    assert [line.split()[0] for line in said.splitlines()[1:]] == shown


@pytest.mark.usefixtures("at_root")
def test_the_command_gives_what_is_on_the_screen(unusual, tmp_path):
    words = shlex.split(command(unusual, Contrast(LABELS.index("calm"), LABELS.index("sad")), files_of(unusual, SAMPLE)))
    assert words[:3] == ["python", "-m", "xai"]
    assert main([str(tmp_path) if word == "result" else word for word in words[3:]] + ["--no-trust"]) == 0
    result = json.loads((tmp_path / "result.json").read_text())
    assert_allclose(list(result["prediction"]["probabilities"].values()), unusual.probabilities, atol=1e-6)
    assert (result["target"], result["against"]) == ("calm", "sad")
    assert result["settings"] == {"stride": 50, "samples": 300, "seed": 3, "shap_estimator": "shap"}
    assert result["checkpoint"]["sha256"] == unusual.model.digest
    assert set(result["explanations"]) >= set(unusual.attributions)


@pytest.mark.usefixtures("at_root")
def test_a_voice_alone(sample):
    analysis = analyse(sample[0], None, model=load_model("voice"), settings=Settings(samples=300))
    names, _ = run(python_lines(analysis, Contrast(analysis.predicted), [], files_of(analysis, SAMPLE)))
    assert_allclose(names["analysis"].probabilities, analysis.probabilities, atol=1e-6)
    assert names["face"] is None


def test_what_was_given_counts_not_what_was_read(sample_analysis):
    """The sound of a video is no file of its own; a silent voice is one, although it is not judged."""
    assert files_of(sample_analysis, None) == ("voice.wav", "face.mp4")
    assert files_of(sample_analysis, None, Recording("a clip", None, b"film")) == (None, "face.mp4")
    assert " - face.mp4 " in command(sample_analysis, Contrast(0), (None, "face.mp4"))
    assert "voice = None\n" in python_lines(sample_analysis, Contrast(0), [], (None, "face.mp4"))


def test_names_are_quoted(sample_analysis):
    files = ("a voice's.wav", "face.mp4")
    assert shlex.split(command(sample_analysis, Contrast(0), files))[3] == files[0]
    compile(python_lines(sample_analysis, Contrast(0), [], files), "copied", "exec")


def test_the_weights_are_named_by_their_whole_hash(sample_analysis):
    import hashlib

    whole = hashlib.sha256((WEIGHTS / "fused.safetensors").read_bytes()).hexdigest()
    assert whole in versions(sample_analysis)
    other = replace(sample_analysis, subject=replace(sample_analysis.subject, model=replace(sample_analysis.model, digest="0" * 16)))
    assert whole not in versions(other)
    assert "0" * 16 in versions(other)


def test_the_files_are_named_by_what_is_in_them(sample_analysis):
    voice = Recording("mine", b"a voice", None)
    found = versions(sample_analysis, voice).splitlines()
    assert found[0] == f"voice       SHA-256 {hashlib.sha256(b'a voice').hexdigest()}"
    assert found[1:] == versions(sample_analysis).splitlines()


def script() -> None:
    import streamlit as st

    from pages.components.deeper.reproduce import show_reproduce

    show_reproduce(st.session_state["analysis"], st.session_state["contrast"], ["lime"], None)


def test_on_the_page(sample_analysis):
    app = AppTest.from_function(script)
    app.session_state["analysis"], app.session_state["contrast"] = sample_analysis, Contrast(4, 6)
    app.run()
    assert not app.exception
    assert [code.value.split()[0] for code in app.code] == ["python", "from", "checkpoint"]
    assert "--target happy --against sad" in app.code[0].value
