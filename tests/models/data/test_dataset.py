"""Training and serving share one code path: the same recording gives the same numbers on both sides."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from features import Modality, extract
from features.audio import mean_mfcc, mel_spectrogram_db, mfcc, to_mono
from features.media import read_sound
from features.speech import speech_span
from models.data import augmentation
from models.data.copies import CLEAN, SPEEDS, VOICE_VARIANTS
from models.data.corruptions import CORRUPTIONS
from models.data.dataset import SEQUENCE_FRAMES, _sequence, _voice, load_faces, load_voices
from models.data.faces import FACE_VARIANTS, face_views
from models.data.ferplus import ferplus_labels
from models.data.ravdess import find_takes
from models.labels import label_index
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


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def loaded(tiny, kept):
    return load_voices(tiny, kept), load_faces(tiny, kept)


@pytest.fixture(scope="module")
def samples(sample):
    """float32 mono of the sample's voice."""
    sound = read_sound(sample[0])
    return to_mono(sound.samples, sound.rate)


def test_features_of_a_take_are_those_of_the_app(loaded, encoders, sample):
    served = extract(*sample, encoders)
    voices, faces = loaded
    assert voices.mfcc.shape == (2, VOICE_VARIANTS, 40)
    assert faces.frames[0].shape[0] == FACE_VARIANTS
    assert_allclose(voices.mfcc[0, 0], served.vector[:40], rtol=1e-5, atol=1e-4)
    assert_allclose(faces.frames[0][0].mean(axis=0), served.vector[40:], atol=1e-4)
    assert voices.label.tolist() == faces.label.tolist() == [label_index("happy"), label_index("angry")]
    assert (voices.actor.tolist(), voices.statement.tolist()) == ([1, 2], [1, 1])


def test_sequences_of_a_take_are_those_of_the_app(loaded, encoders, sample):
    """To the precision in which they are kept: half."""
    served = extract(*sample, encoders)
    first, last = speech_span(served.audio.frame_vectors)
    mfccs, shown = served.audio.frame_vectors[:, first:last], served.video.frame_vectors
    voices, faces = loaded
    heard = voices.heard[0, 0]
    assert heard == min(mfccs.shape[1], SEQUENCE_FRAMES)
    assert_allclose(voices.sequence[0, 0, :, :heard], mfccs[:, :heard], rtol=1e-3, atol=1e-3)
    assert (voices.sequence[0, 0, :, heard:] == voices.sequence[0, 0, :, heard - 1 : heard]).all()
    assert_allclose(faces.frames[0][0], shown, atol=1e-4)


def test_a_sequence_reaches_from_the_first_to_the_last_sound():
    mfccs = np.random.default_rng(0).normal(size=(40, 300))
    mfccs[0] = -100
    long, count = _sequence(mfccs)
    assert count == SEQUENCE_FRAMES
    assert (long == mfccs[:, :SEQUENCE_FRAMES]).all()
    mfccs[0, :30] = mfccs[0, 60:80] = mfccs[0, 150:] = -600
    short, count = _sequence(mfccs)
    assert count == 120
    assert (short[:, :120] == mfccs[:, 30:150]).all()
    assert (short[:, 120:] == mfccs[:, 149:150]).all()


def test_clean_copies_are_other_speeds(loaded, samples):
    voices, _ = loaded
    assert CLEAN.stop == 1 + len(SPEEDS)
    for k, factor in enumerate(SPEEDS, 1):
        mel = mel_spectrogram_db(augmentation.speed(samples, factor))
        assert_allclose(voices.mfcc[0, k], mean_mfcc(mel), rtol=1e-5, atol=1e-4)
        first, last = speech_span(mfcc(mel))
        assert voices.heard[0, k] == min(last - first, SEQUENCE_FRAMES)


def test_corruptions_of_a_voice_are_kept_beside_it(loaded, samples):
    voices, _ = loaded
    assert voices.corrupted.shape == (2, len(CORRUPTIONS[Modality.AUDIO]), 40)
    for k, corrupt in enumerate(CORRUPTIONS[Modality.AUDIO].values()):
        mfccs = mfcc(mel_spectrogram_db(corrupt(samples)))
        first, last = speech_span(mfccs)
        assert_allclose(voices.corrupted[0, k], mfccs.mean(axis=1), rtol=1e-4, atol=1e-3)
        heard = voices.corrupted_heard[0, k]
        assert heard == min(last - first, SEQUENCE_FRAMES)
        assert_allclose(voices.corrupted_sequence[0, k, :, :heard], mfccs[:, first : first + heard], rtol=1e-3, atol=1e-3)


def test_augmented_copies_differ_from_each_other_and_between_files(loaded):
    """The two files hold one recording: its clean copies are the same, what is drawn at random is not."""
    voices, faces = loaded
    assert_allclose(voices.mfcc[0, CLEAN], voices.mfcc[1, CLEAN])
    augmented = voices.mfcc[:, CLEAN.stop :].reshape(-1, 40)
    gaps = np.abs(augmented[:, None] - augmented[None]).max(axis=2)
    assert gaps[~np.eye(len(gaps), dtype=bool)].min() > 1e-3
    assert_allclose(faces.frames[0][0], faces.frames[1][0])
    views = np.concatenate([faces.frames[0][1:], faces.frames[1][1:]])
    assert min(np.abs(a - b).max() for i, a in enumerate(views) for b in views[:i]) > 1e-3


def test_corruptions_of_a_face_are_kept_beside_it(loaded, backbone, encoders, sample):
    _, faces = loaded
    crops = extract(*sample, encoders).video.crops
    assert faces.corrupted[0].shape == (len(CORRUPTIONS[Modality.VIDEO]), len(crops), 512)
    for k, name in ((1, "dim light (a third)"), (3, "rolled 15° left")):
        assert list(CORRUPTIONS[Modality.VIDEO])[k] == name
        expected = backbone.maps(np.stack([CORRUPTIONS[Modality.VIDEO][name](crop) for crop in crops])).mean(axis=(2, 3))
        assert_allclose(faces.corrupted[0][k], expected, atol=1e-4)
    assert_allclose(faces.corrupted[0], faces.corrupted[1])


def test_rows_are_picked_from_every_column(loaded):
    voices, faces = loaded
    for table in (voices, faces):
        second = table.where(np.array([False, True]))
        assert [t.actor for t in second.takes] == second.actor.tolist() == [2]
        assert len(table.where(np.zeros(2, bool)).takes) == 0
    assert (voices.where(np.array([False, True])).corrupted_sequence == voices.corrupted_sequence[1:]).all()
    assert (faces.where(np.array([False, True])).frames[0] == faces.frames[1]).all()


@pytest.fixture
def only_clean(monkeypatch):
    """No augmented or corrupted views of faces, which take long."""
    monkeypatch.setattr("models.data.faces._CHAINS", 0)
    monkeypatch.setattr("models.data.faces._CAMERAS", ())
    monkeypatch.setitem(CORRUPTIONS, Modality.VIDEO, {})


@pytest.mark.usefixtures("only_clean")
def test_features_of_the_clips_are_those_of_the_app(data, tmp_path, encoders):
    take = next(t for t in find_takes(data / "clips") if t.kind == "video")
    sound = next(t for t in find_takes(data / "clips") if t.kind == "voice" and t.key == take.key)
    served = extract(sound.path.read_bytes(), take.path.read_bytes(), encoders)
    assert_allclose(_voice(sound, tmp_path)["mean"][0], served.vector[:40], rtol=1e-5, atol=1e-4)
    assert_allclose(face_views(take, tmp_path, "ferplus")[0].mean(axis=0), served.vector[40:], atol=1e-4)


def test_resampled_copies_of_a_recording_agree(data, encoders, model):
    """The 22 kHz FLAC of the training folder against the 48 kHz WAV that users have."""
    for wav in sorted((data / "clips").glob("03-*.wav")):
        flac = data / "ravdess_speech" / f"Actor_{wav.stem[-2:]}" / f"{wav.stem}.flac"
        ours, theirs = (extract(p.read_bytes(), None, encoders).vector[:40] for p in (wav, flac))
        assert (np.abs(ours - theirs) / model.standardise.std[:40]).max() < 0.5  # the FLACs' resampler cuts the topmost bands


@pytest.mark.usefixtures("only_clean")
def test_strips_are_cut_like_the_videos_they_come_from(data, tmp_path):
    """Same take, once as MP4 and once as strip of crops: the features point the same way."""
    films = [t for t in find_takes(data / "clips") if t.kind == "video"]
    for take in (films[0], films[-1]):  # of either actor
        strip = replace(take, kind="strip", path=data / "ravdess_faces" / f"{take.path.stem}.jpg")
        film, still = (face_views(t, tmp_path, "ferplus")[0].mean(axis=0) for t in (take, strip))
        assert np.corrcoef(film, still)[0, 1] > 0.9


def test_the_cache_is_used_and_bound_to_the_content(tiny, kept, loaded, monkeypatch, tmp_path):
    monkeypatch.setattr("models.data.faces._video_crops", lambda _: pytest.fail("computed again"))
    again = load_faces(tiny, kept)
    assert all((a == b).all() for a, b in zip(again.frames, loaded[1].frames, strict=True))
    assert not list(kept.glob("*.part*"))
    with pytest.raises(pytest.fail.Exception):
        load_faces(tiny, tmp_path)


def test_voices_are_taken_from_the_cache_too(tiny, kept, loaded, monkeypatch, tmp_path):
    import models.data.dataset

    monkeypatch.setattr(models.data.dataset, "mel_spectrogram_db", lambda _: pytest.fail("computed again"))
    for k, take in enumerate(loaded[0].takes):
        assert (_voice(take, kept)["mean"][:VOICE_VARIANTS] == loaded[0].mfcc[k]).all()
        with pytest.raises(pytest.fail.Exception):
            _voice(take, tmp_path)


def test_an_empty_folder_gives_empty_tables(tmp_path):
    voices, faces = load_voices(tmp_path, tmp_path), load_faces(tmp_path, tmp_path, 10)
    assert voices.mfcc.shape == (0, VOICE_VARIANTS, 40)
    assert voices.corrupted_sequence.shape == (0, len(CORRUPTIONS[Modality.AUDIO]), 40, SEQUENCE_FRAMES)
    assert len(faces.label) == len(faces.frames) == 0


def test_photographs_belong_to_nobody(tiny, kept, tmp_path, data):
    """One of each emotion from the training part of FER+, after the films, without a take."""
    (tmp_path / "Actor_01").mkdir()
    (tmp_path / "ferplus.npz").symlink_to(data / "ferplus.npz")
    faces = load_faces(tmp_path, kept, 1)
    assert faces.label.tolist() == list(range(8))
    assert faces.takes == [None] * 8
    assert not faces.actor.any()
    assert {f.shape for f in faces.frames} == {(1, 1, 512)}
    assert {f.shape for f in faces.corrupted} == {(0, 1, 512)}
    with np.load(data / "ferplus.npz") as file:
        assert (ferplus_labels(file["votes"][file["split"] == 0]) >= 0).sum() > 8
