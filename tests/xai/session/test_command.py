"""The command line: a film in, a folder out, and one moment of it explained."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import wav
from xai.__main__ import main
from xai.session.observations import load
from xai.session.store import read

FILM = Path("pages/sample/sure.mp4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("session") / "out"
    assert main(["session", str(FILM), "--out", str(out)]) == 0
    return out


def test_a_folder_that_is_opened_again(folder):
    session = read(folder)
    assert session.name == "sure.mp4"
    assert session.seconds == pytest.approx(2.9, abs=0.1)
    assert {"session.json", "segments.csv", "frames.csv", "turns.csv", "session.eaf", "session.TextGrid", "session.srt"} <= {
        path.name for path in folder.iterdir()
    }
    assert any(moment.speech and moment.voice is not None for moment in session.moments)
    assert len(session.frames) >= 3
    assert str(Path.cwd()) not in (folder / "session.json").read_text(encoding="utf-8")
    assert load(folder / "observations.npz").digest == session.digest


def test_a_moment_is_that_of_the_session(folder, tmp_path, capsys):
    session = read(folder)
    moment = next(m for m in session.moments if m.speech)
    at = str((moment.start + moment.end) / 2)
    assert main(["session", str(folder), "--at", at, "--film", str(FILM), "--no-trust", "--out", str(tmp_path / "at")]) == 0
    assert moment.person in capsys.readouterr().out
    result = json.loads((tmp_path / "at" / "result.json").read_text(encoding="utf-8"))
    found = np.array(list(result["prediction"]["probabilities"].values()))
    assert moment.best is not None
    np.testing.assert_allclose(found, moment.best.probabilities, atol=0.02)


def test_a_session_in_which_nothing_happens_says_so(tmp_path, capsys):
    (tmp_path / "silent.wav").write_bytes(wav(np.zeros(30_000)))
    assert main(["session", str(tmp_path / "silent.wav"), "--out", str(tmp_path / "out")]) == 0
    assert "nothing was judged: no speech is heard" in capsys.readouterr().out
    assert read(tmp_path / "out").moments == ()


def test_a_place_for_the_results_is_looked_at_before_the_film(tmp_path, capsys):
    (tmp_path / "taken").write_bytes(b"")
    assert main(["session", str(FILM), "--out", str(tmp_path / "taken")]) == 2
    assert capsys.readouterr().err.strip().endswith("taken is not a folder")


def test_what_was_observed_can_be_interpreted_again(folder, tmp_path):
    assert main(["session", str(folder), "--out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again" / "session.json").read_bytes() == (folder / "session.json").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["missing.mp4"], "not there"),
        (["FOLDER", "--at", "900", "--film", str(FILM)], "at 900.0 s"),
        (["FOLDER", "--at", "1", "--person", "Q", "--film", str(FILM)], "key Q"),
        (["FOLDER", "--at", "1"], "--film"),
        (["FOLDER", "--at", "1", "--film", "pages/sample/sample.mp4"], "not the recording"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(folder, tmp_path, capsys, arguments, says):
    used = [str(folder) if word == "FOLDER" else word for word in arguments]
    assert main(["session", *used, "--out", str(tmp_path / "out")]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert says in line
