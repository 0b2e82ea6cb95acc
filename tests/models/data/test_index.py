"""What the index counts, on the real recordings and on a small folder with everything that can be odd."""

import json
import subprocess
import sys

import numpy as np
import pytest

from models.data import index as index_module
from models.data.index import duplicates, index, table
from models.data.ravdess import file_name, find_files, performances
from models.ravdess import main
from tests.conftest import ROOT, encode_video, tone, wav


@pytest.fixture(scope="module")
def report(data):
    return index(data)


@pytest.fixture
def small(tmp_path):
    """Three performances of actor 3 (one with both videos), a voice of actor 4, and files that are odd."""
    keys = performances(3)
    folder = tmp_path / "Actor_03"
    (tmp_path / "elsewhere").mkdir()
    folder.mkdir()
    names = [file_name(key, 3, ".wav") for key in keys[:3]]
    for i, name in enumerate(names):
        (folder / name).write_bytes(wav(tone(0.05, 300 + 10 * i)))
    (folder / names[1]).write_bytes(wav(np.stack([tone(0.05, 200), tone(0.05, 250)], axis=1)))  # stereo
    (tmp_path / "elsewhere" / names[0]).write_bytes((folder / names[0]).read_bytes())  # same name: a copy, no duplicate
    (tmp_path / "elsewhere" / file_name(performances(4)[9], 3, ".flac")).write_bytes(wav(tone(0.05, 500), fmt="FLAC"))
    (tmp_path / "copy of it.wav").write_bytes((folder / names[0]).read_bytes())
    mp4 = encode_video([np.full((16, 16, 3), i, np.uint8) for i in range(3)])
    for i, (key, modality) in enumerate(((keys[0], 1), (keys[0], 2), (keys[5], 1))):
        (folder / file_name(key, modality, ".mp4")).write_bytes(mp4 + bytes([i]))
    (folder / file_name(keys[1], 1, ".jpg")).write_bytes(b"strip")
    (folder / file_name(keys[2], 3, ".wav")).write_bytes(b"")
    (folder / "03-02-01-01-01-01-03.wav").write_bytes(wav(tone(0.05)))  # song
    (folder / "notes.txt").write_text("neither counted nor listed")
    return tmp_path


def test_all_voices_are_there(report):
    assert (report["voices"], report["videos"], report["strips"]) == (1440, 7, 217)
    assert len(report["actors"]) == 24
    assert report["absent_actors"] == []
    assert {row["voices"] for row in report["actors"]} == {60}
    assert {row["missing_voices"] for row in report["actors"]} == {0}
    assert report["unparsed"] == report["unreadable"] == report["stereo"] == []
    assert report["other_copies"] == 14  # the seven clips are there as FLAC and as strip too


def test_rows_of_actors(report):
    rows = {row["actor"]: row for row in report["actors"]}
    assert [rows[1][k] for k in ("sex", "videos", "strips", "pairs", "missing_videos")] == ["male", 2, 102, 2, 118]
    assert [rows[5][k] for k in ("sex", "videos", "strips", "pairs", "missing_videos")] == ["male", 5, 115, 5, 115]
    assert [rows[24][k] for k in ("sex", "videos", "strips", "pairs", "missing_videos")] == ["female", 0, 0, 0, 120]
    assert sum(row["sex"] == "female" for row in rows.values()) == 12


def test_rows_of_emotions(report):
    assert {label: row["voices"] for label, row in report["emotions"].items()} == {"neutral": 96} | dict.fromkeys(
        ("angry", "calm", "disgust", "fearful", "happy", "sad", "surprised"), 192
    )
    assert {label: row["pairs"] for label, row in report["emotions"].items() if row["pairs"]} == {
        "neutral": 2,
        "surprised": 2,
        "fearful": 1,
        "happy": 1,
        "sad": 1,
    }


def test_pairs(report, data):
    assert (report["pairs"], report["strip_pairs"]) == (7, 105)  # 52 + 60 performances have a strip, 7 of them a video
    clips = index(data / "clips")
    assert [clips[k] for k in ("voices", "videos", "strips", "pairs", "strip_pairs")] == [7, 7, 0, 7, 0]
    assert clips["absent_actors"] == [actor for actor in range(1, 25) if actor not in (1, 5)]


def test_the_duplicate_that_ravdess_itself_has(report):
    folder = "ravdess_speech/Actor_07"
    assert report["duplicates"] == [[f"{folder}/03-01-03-01-02-01-07.flac", f"{folder}/03-01-03-01-02-02-07.flac"]]


def test_only_files_of_equal_size_are_read(data, monkeypatch):
    read = []
    digest = index_module.hashlib.file_digest
    monkeypatch.setattr(index_module.hashlib, "file_digest", lambda handle, name: read.append(handle.name) or digest(handle, name))
    assert len(duplicates(find_files(data))) == 1
    assert 2 <= len(read) <= 100  # of 1,678


def test_a_small_folder(small):
    report = index(small)
    assert [report[k] for k in ("voices", "videos", "strips", "pairs", "strip_pairs")] == [4, 3, 1, 1, 1]
    assert report["actors"] == [
        {"actor": 3, "sex": "male", "voices": 3, "videos": 3, "strips": 1, "pairs": 1, "missing_voices": 57, "missing_videos": 117},
        {"actor": 4, "sex": "female", "voices": 1, "videos": 0, "strips": 0, "pairs": 0, "missing_voices": 59, "missing_videos": 120},
    ]
    assert report["emotions"]["neutral"] == {"voices": 3, "videos": 2, "strips": 1, "pairs": 1}
    assert report["emotions"]["calm"] == {"voices": 1, "videos": 1, "strips": 0, "pairs": 0}
    assert report["other_copies"] == 1
    assert report["stereo"] == ["Actor_03/03-01-01-01-01-02-03.wav"]
    assert report["unreadable"] == ["Actor_03/03-01-01-01-02-01-03.wav"]
    assert report["unparsed"] == ["Actor_03/03-02-01-01-01-01-03.wav", "copy of it.wav"]
    first = "03-01-01-01-01-01-03.wav"
    assert report["duplicates"] == [[f"Actor_03/{first}", "copy of it.wav", f"elsewhere/{first}"]]


def test_performances_that_were_not_published_make_up_for_none(tmp_path):
    """A neutral voice has one intensity only: one that is said to be strong is counted, and no other is missing less."""
    for name in ("03-01-01-02-01-01-06.wav", "01-01-01-02-01-01-06.mp4", "03-01-02-01-01-01-06.wav"):
        (tmp_path / name).write_bytes(name.encode())
    row = {"actor": 6, "sex": "female", "voices": 2, "videos": 1, "strips": 0, "pairs": 1, "missing_voices": 59, "missing_videos": 120}
    assert index(tmp_path)["actors"] == [row]


def test_the_table(small):
    lines = table(index(small))
    assert lines[0] == "4 voices, 3 videos, 1 face strips"
    assert lines[1] == "1 pairs of a voice with a video, 1 more with a face strip only"
    assert lines[3:6] == [
        "actor  sex     voices  videos  strips  pairs  missing of 60  missing of 120",
        "03     male         3       3       1      1             57             117",
        "04     female       1       0       0      0             59             120",
    ]
    assert "neutral         3       2       1      1" in lines
    assert "stereo: 1" in lines
    assert "  Actor_03/03-01-01-01-01-02-03.wav" in lines
    assert "names that are not RAVDESS speech: 2" in lines
    assert any(line.startswith("nothing of actors 01, 02, 05, ") for line in lines)


def test_long_lists_are_cut_in_the_table_and_whole_in_the_json(tmp_path, capsys):
    (tmp_path / file_name(performances(1)[0], 3, ".wav")).write_bytes(wav(tone(0.05)))
    for i in range(13):
        (tmp_path / f"song{i:02d}.mp4").write_bytes(bytes(i + 1))
    assert main(["index", str(tmp_path), "--json", str(tmp_path / "index.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "names that are not RAVDESS speech: 13" in lines
    assert lines[-2:] == ["  song09.mp4", "  … and 3 more"]
    written = json.loads((tmp_path / "index.json").read_text(encoding="utf-8"))
    assert written == index(tmp_path)
    assert len(written["unparsed"]) == 13


@pytest.mark.parametrize("what", ["empty", "nothing of RAVDESS", "not there"])
def test_nothing_to_count(tmp_path, capsys, what):
    folder = tmp_path / "folder"
    if what != "not there":
        folder.mkdir()
    if what == "nothing of RAVDESS":
        (folder / "song.wav").write_bytes(b"x")
    assert main(["index", str(folder)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith(f"{folder}: no RAVDESS speech")
    assert ("1 files have other names" in err) == (what == "nothing of RAVDESS")


def test_a_json_that_cannot_be_written(small, capsys):
    assert main(["index", str(small), "--json", str(small / "no" / "such" / "folder.json")]) == 2
    assert capsys.readouterr().err.splitlines() == [f"{small / 'no' / 'such' / 'folder.json'}: No such file or directory"]


def test_names_alone_load_nothing_heavy():
    heavy = {"pooch", "requests", "soundfile", "numpy", "pandas", "tqdm", "torch"}
    code = f"import sys, models.data.ravdess; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert run.stdout.strip() == "[]"
