"""File names of RAVDESS, and the one place where its numbering becomes ours."""

from pathlib import Path

import pytest

from models.data.ravdess import ACTORS, file_name, find_takes, parse_name, performances
from models.labels import LABELS, ravdess_label


def test_labels_are_in_the_agreed_order():
    assert LABELS == ("angry", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised")


def test_numbering_is_the_published_one():
    assert [ravdess_label(f"{i:02d}") for i in range(1, 9)] == [
        "neutral",
        "calm",
        "happy",
        "sad",
        "angry",
        "fearful",
        "disgust",
        "surprised",
    ]
    with pytest.raises(KeyError):
        ravdess_label("09")


def test_parse_name():
    take = parse_name(Path("Actor_12/03-01-06-01-02-01-12.wav"))
    assert (take.actor, take.label, take.intensity, take.statement, take.repetition, take.sex, take.kind) == (
        12,
        "fearful",
        1,
        2,
        1,
        "female",
        "voice",
    )


@pytest.mark.parametrize(
    "name",
    [
        "03-02-06-01-02-01-12.wav",
        "03-01-09-01-02-01-12.wav",
        "03-01-06-01-02-01-25.wav",
        "03-01-06.wav",
        "notes.txt",
        "03-01-06-01-02-01-12.mp4",
    ],
)
def test_other_files_are_not_takes(name):
    assert parse_name(Path(name)) is None


def test_find_takes_in_the_published_layout(tmp_path):
    names = ["Actor_01/03-01-05-02-01-01-01.wav", "Actor_01/01-01-05-02-01-01-01.mp4", "Actor_02/03-01-01-01-01-01-02.WAV"]
    twice = ["flac/03-01-05-02-01-01-01.flac", "strips/01-01-05-02-01-01-01.jpg"]
    for name in [*names, *twice, "Actor_02/readme.md"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    takes = find_takes(tmp_path)
    assert sorted(str(t.path.relative_to(tmp_path)) for t in takes) == sorted(names)
    assert {t.key for t in takes if t.kind == "video"} <= {t.key for t in takes if t.kind == "voice"}


def test_the_data_beside_the_checkout(data):
    takes = find_takes(data)
    assert sum(t.kind == "voice" for t in takes) == 1440
    assert sum(t.kind == "video" for t in takes) == 7
    assert sum(t.kind == "strip" for t in takes) == 224 - 7
    assert {t.actor for t in takes if t.kind != "voice"} == {1, 5}


def test_performances_are_those_that_were_recorded(data):
    assert [len(set(performances(actor))) for actor in ACTORS] == [60] * 24
    assert {take.key for take in find_takes(data) if take.kind == "voice"} == {key for actor in ACTORS for key in performances(actor)}


def test_file_name_is_the_inverse_of_parse_name():
    for modality, suffix in ((1, ".mp4"), (2, ".mp4"), (3, ".wav")):
        for key in performances(12):
            take = parse_name(Path(file_name(key, modality, suffix)))
            assert take is not None
            assert (take.key, take.modality) == (key, modality)
    assert file_name((12, "06", 1, 2, 1), 3, ".wav") == "03-01-06-01-02-01-12.wav"
