"""Training and serving share one code path: the same recording gives the same numbers on both sides."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from features import extract
from models.dataset import FACE_VARIANTS, VOICE_VARIANTS, _face, _voice, ferplus_labels, load_faces, load_voices
from models.labels import label_index
from models.ravdess import find_takes
from models.train import main
from tests.conftest import SAMPLE


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The published layout with the sample in RAVDESS's clothes: two actors, one emotion each."""
    folder = tmp_path_factory.mktemp("ravdess")
    for actor, emotion in ((1, "03"), (2, "05")):
        (folder / f"Actor_{actor:02d}").mkdir()
        for modality, suffix in (("03", "wav"), ("01", "mp4")):
            name = f"{modality}-01-{emotion}-01-01-01-{actor:02d}.{suffix}"
            # One byte more at the end: the same recording, another file.
            (folder / f"Actor_{actor:02d}" / name).write_bytes((SAMPLE / f"sample.{suffix}").read_bytes() + b"\0" * actor)
    return folder


def test_features_of_a_take_are_those_of_the_app(tiny, tmp_path, backbone, sample):
    served = extract(*sample, backbone.maps)
    voices, faces = load_voices(tiny, tmp_path), load_faces(tiny, tmp_path)
    assert voices.mfcc.shape == (2, VOICE_VARIANTS, 40)
    assert faces.frames[0].shape[0] == FACE_VARIANTS
    assert_allclose(voices.mfcc[0, 0], served.vector[:40], rtol=1e-5, atol=1e-4)
    assert_allclose(faces.frames[0][0].mean(axis=0), served.vector[40:], atol=1e-4)
    assert voices.label.tolist() == faces.label.tolist() == [label_index("happy"), label_index("angry")]


def test_features_of_the_clips_are_those_of_the_app(data, tmp_path, backbone):
    take = next(t for t in find_takes(data / "clips") if t.kind == "video")
    sound = next(t for t in find_takes(data / "clips") if t.kind == "voice" and t.key == take.key)
    served = extract(sound.path.read_bytes(), take.path.read_bytes(), backbone.maps)
    assert_allclose(_voice(sound, tmp_path)[0], served.vector[:40], rtol=1e-5, atol=1e-4)
    assert_allclose(_face(take, tmp_path, "ferplus")[0].mean(axis=0), served.vector[40:], atol=1e-4)


def test_resampled_copies_of_a_recording_agree(data, backbone, model):
    """The 22 kHz FLAC of the training folder against the 48 kHz WAV that users have."""
    for wav in sorted((data / "clips").glob("03-*.wav")):
        flac = data / "ravdess_speech" / f"Actor_{wav.stem[-2:]}" / f"{wav.stem}.flac"
        ours, theirs = (extract(p.read_bytes(), None, backbone.maps).vector[:40] for p in (wav, flac))
        assert (np.abs(ours - theirs) / model.std[:40]).max() < 0.5  # the FLACs' resampler cuts the topmost bands


def test_strips_are_cut_like_the_videos_they_come_from(data, tmp_path):
    """Same take, once as MP4 and once as strip of crops: the features point the same way."""
    from dataclasses import replace

    films = [t for t in find_takes(data / "clips") if t.kind == "video"]
    for take in (films[0], films[-1]):  # of either actor
        strip = replace(take, kind="strip", path=data / "ravdess_faces" / f"{take.path.stem}.jpg")
        film, still = (_face(t, tmp_path, "ferplus")[0].mean(axis=0) for t in (take, strip))
        assert np.corrcoef(film, still)[0, 1] > 0.9


def test_the_cache_is_used_and_bound_to_the_content(tiny, tmp_path, monkeypatch):
    import models.dataset

    load_faces(tiny, tmp_path)
    monkeypatch.setattr(models.dataset, "_video_crops", lambda _: pytest.fail("computed again"))
    assert len(load_faces(tiny, tmp_path).frames) == 2


def test_ferplus_votes_become_labels():
    votes = np.zeros((5, 10), int)
    votes[0, 4] = 9  # clear anger
    votes[1, [1, 3]] = 5  # a tie
    votes[2, 0], votes[2, 1] = 7, 3  # neutral with a smile: calm
    votes[3, 9] = 10  # not a face
    votes[4, 0] = 10  # neutral
    assert ferplus_labels(votes).tolist() == [label_index("angry"), -1, label_index("calm"), -1, label_index("neutral")]


def test_the_command_trains_from_the_published_layout(tiny, tmp_path, capsys):
    out = tmp_path / "tiny.safetensors"
    assert main(["--data", str(tiny), "--out", str(out), "--epochs", "2", "--seeds", "0", "--cache", str(tmp_path / "cache")]) == 0
    from models.checkpoint import read_model

    model = read_model(out)
    assert "voices of 2 actors" in model.info["trained_on"]
    assert np.isfinite(model.logits(model.mean[None])).all()


def test_a_folder_without_recordings_is_one_line(tmp_path, capsys):
    assert main(["--data", str(tmp_path), "--cache", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
