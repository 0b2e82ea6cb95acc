"""The table of the heat says what was measured."""

import shutil
from pathlib import Path

import pytest

from tests.bench.heat import ON_SCREEN, Found, evenly, main, pairs, table
from xai.metrics.measures import FAITHFULNESS, STEADY
from xai.score import Score, Trust


def found(value: float, seconds: float = 1.0, steady: float = 0.9) -> Found:
    return Found(Trust((Score(FAITHFULNESS, value), Score(STEADY, steady))), seconds)


def test_means_shares_and_medians():
    clips = [
        {"gradcam": found(0.3), "occlusion": found(0.2, 2.0), ON_SCREEN: found(0.3)},
        {"gradcam": found(-0.1), "occlusion": found(0.2, 3.0), ON_SCREEN: found(0.2)},
        {"gradcam": found(0.07), "occlusion": found(0.02, 9.0), ON_SCREEN: found(0.07)},
        {"gradcam": found(0.33, steady=0.1), ON_SCREEN: found(0.33, steady=0.1)},
    ]
    rows = table(clips).splitlines()[2:]
    assert rows[0] == "| Grad-CAM | 4 | +0.150 | 25% | 50% | 1.00 |"  # another check of the last one failed
    assert rows[1] == "| Occlusion | 3 | +0.140 | 67% | 67% | 3.00 |"
    assert rows[2] == "| **on screen** | 4 | +0.225 | 50% | 75% |  |"
    assert len(rows) == 3


@pytest.mark.parametrize(("count", "expected"), [(1, [0]), (3, [0, 1, 2]), (4, [0, 1, 2, 3]), (7, [0, 2, 4, 6]), (10, [0, 3, 6, 9])])
def test_four_pictures_are_evenly_spaced(count, expected):
    assert evenly(count, 4).tolist() == expected


def test_a_pair_is_a_voice_and_the_film_with_sound(tmp_path):
    for name in ("01-01-03-01-01-01-01.mp4", "02-01-03-01-01-01-01.mp4", "03-01-03-01-01-01-01.wav", "01-01-04-01-01-01-01.mp4"):
        (tmp_path / name).write_bytes(b"")
    assert [(voice.path.name, film.path.name) for voice, film in pairs(tmp_path)] == [
        ("03-01-03-01-01-01-01.wav", "01-01-03-01-01-01-01.mp4")
    ]


def test_a_folder_without_clips_is_one_line(tmp_path, capsys):
    assert main(["--data", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_command_measures_a_filmed_clip(data: Path, tmp_path, capsys):
    for name in ("01-01-03-01-01-01-05.jpg", "03-01-03-01-01-01-05.wav"):
        source = next((path for path in sorted(data.rglob(Path(name).stem + ".*")) if path.suffix in (".jpg", ".wav", ".flac")), None)
        if source is None:
            pytest.skip(f"{name} is not in the data folder")
        shutil.copy(source, tmp_path / source.name)
    out = tmp_path / "table.md"
    assert main(["--data", str(tmp_path), "--methods", "gradcam", "--slow-clips", "0", "--out", str(out)]) == 0
    rows = out.read_text(encoding="utf-8").splitlines()
    assert rows[2].startswith("| Grad-CAM | 1 | ")
    assert rows[3].startswith("| **on screen** | 1 | ")
    assert rows[-1] in capsys.readouterr().out
