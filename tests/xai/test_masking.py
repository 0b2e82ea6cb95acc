"""What is removed is removed on the whole path: against librosa, against the backbone frame by frame, and one by one."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import ClassVar

import cv2
import librosa
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from features import SPACE, Features, Modality
from features.faces import CROP
from features.patches import Patches, patch_grid
from features.speech import speech_span
from models.model import EmotionModel
from models.vector_model import VectorModel
from tests.recordings import sequences_of
from tests.untrained import judged
from tests.xai.conftest import subject_of
from xai.explanation import Attribution, Columns, Contrast, FrameCells, Memo, Panel, SoundPatches, Subject
from xai.masking import (
    FaceCellMasker,
    FeatureMasker,
    FrameMasker,
    ModalityMasker,
    PatchMasker,
    Remembering,
    blend,
    face_logits,
    masker_of,
    weighed_parts,
)
from xai.metrics.faithfulness import check_faithfulness

SIDE = CROP // 7
RNG = np.random.default_rng


def grid_of(features: Features) -> Patches:
    return patch_grid(features.audio.mel_db)


def faded(mel_db: np.ndarray, keep: np.ndarray, cells: np.ndarray) -> np.ndarray:
    quiet = np.sort(mel_db, axis=1)
    out = mel_db.astype(float)
    for shown, (a, b, low, high) in zip(keep, cells, strict=True):
        if not shown:
            place = 0.1 * (mel_db.shape[1] - 1)
            below, share = int(place), place % 1
            level = (1 - share) * quiet[low:high, below] + share * quiet[low:high, below + 1]
            out[low:high, a:b] = level[:, None]
    return out


def judged_faded(features: Features, model: EmotionModel, keep: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(8,): the spectrogram faded by hand, librosa's MFCCs, cut where the recording as it is begins and ends to sound."""
    mfccs = librosa.feature.mfcc(S=faded(features.audio.mel_db, keep, cells), n_mfcc=40)
    _, faces, seconds = sequences_of(features)
    if not isinstance(model, VectorModel):
        mfccs = mfccs[:, slice(*speech_span(features.audio.frame_vectors))]
    return judged(model, mfccs, faces, seconds)


@pytest.mark.parametrize("exact", [False, True])
def test_faded_patches_are_what_librosa_hears(random_features, mfcc_model, exact):
    """One recording at a time; what is silence is decided on the recording as it was."""
    patches = grid_of(random_features)
    kept = RNG(0).random((5, len(patches))) < 0.5
    found = PatchMasker(subject_of(random_features, mfcc_model), patches, exact=exact)(kept)
    assert_allclose(found, [judged_faded(random_features, mfcc_model, keep, patches.cells) for keep in kept], atol=1e-4)
    assert np.abs(found - mfcc_model.predict(random_features)).max(axis=1).min() > 1e-2


def test_the_fast_patches_are_the_exact_ones(random_features, mfcc_model):
    """For any grid: many copies, in more than one block, and patches that do not cover everything."""
    mel_db = random_features.audio.mel_db
    for patches in (
        grid_of(random_features),
        patch_grid(mel_db, (3, 5)),
        Patches(mel_db, np.array([[3, 20, 7, 60], [20, 21, 0, 128]])),
    ):
        kept = RNG(1).random((130, len(patches))) < RNG(2).random((130, 1))
        subject = subject_of(random_features, mfcc_model)
        fast, exact = (PatchMasker(subject, patches, exact=way)(kept) for way in (False, True))
        assert_allclose(fast, exact, atol=1e-4)
        assert np.ptp(exact, axis=0).max() > 1e-2


def test_everything_faded_leaves_the_quiet_level_of_each_band(random_features, random_model):
    mel = random_features.audio.mel_db
    patches = Patches(mel, np.array([[0, mel.shape[1], 0, 128]]))
    quiet = np.percentile(mel, 10, axis=1)
    assert_allclose(patches.background, quiet, atol=1e-5)
    mfccs = librosa.feature.mfcc(S=np.repeat(quiet[:, None], mel.shape[1], axis=1), n_mfcc=40)
    expected = judged(random_model, mfccs, random_features.video.frame_vectors)
    for exact in (False, True):
        found = PatchMasker(subject_of(random_features, random_model), patches, exact=exact)(np.array([[False]]))
        assert_allclose(found[0], expected, atol=1e-4)


def maskers(subject: Subject) -> list:
    """One of every kind."""
    patches = grid_of(subject.features)
    return [
        PatchMasker(subject, patches),
        PatchMasker(subject, patches, exact=True),
        FeatureMasker(subject),
        FrameMasker(subject),
        FaceCellMasker(subject),
        ModalityMasker(subject),
    ]


def test_nothing_removed_is_the_models_own_answer(random_features, any_model, backbone):
    own = any_model.predict(random_features)
    for masker in maskers(subject_of(random_features, any_model, backbone)):
        assert_allclose(masker(np.ones((2, len(masker)), bool)), [own, own], atol=1e-4)


def softly(crop: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Our own blending of one picture: blurred pixels where ``keep`` is 0, by a mask that is itself blurred, pixel by pixel."""
    blurred = cv2.GaussianBlur(crop, (0, 0), CROP / 12).astype(float)
    fine = cv2.GaussianBlur(np.kron(keep, np.ones((4, 4))).astype(np.float32), (0, 0), 1.0)
    mask = cv2.resize(fine, (CROP, CROP)).astype(float)[..., None]
    return np.rint(mask * crop + (1 - mask) * blurred).astype(np.uint8)


def expected_rows(video, maps, keep: np.ndarray, frames) -> np.ndarray:
    """(m, 512), frame by frame."""
    rows = {frame: video.maps[frame].mean(axis=(1, 2), dtype=float) for frame in np.flatnonzero(video.used)}
    for frame, mask in zip(frames, keep, strict=True):
        rows[frame] = maps(softly(video.crops[frame], mask)[None])[0].mean(axis=(1, 2), dtype=float)
    return np.stack([rows[frame] for frame in sorted(rows)])


@pytest.mark.parametrize("frames", [[0, 2], [2]])
def test_blurred_cells_go_through_the_backbone(random_features, mfcc_model, backbone, frames):
    """And a frame that was not chosen stays as it is."""
    rng = RNG(1)
    kept = rng.random((4, len(frames), 7, 7)) < 0.5
    kept[1] = False
    kept[2, :, :3] = True
    kept[0, -1] = True  # in two frames: only the first is touched, by other states of the block both
    kept[0, 0, :4] = False
    found = FaceCellMasker(subject_of(random_features, mfcc_model, backbone), np.array(frames))(kept.reshape(4, -1))
    mfccs, _, seconds = sequences_of(random_features)
    if isinstance(mfcc_model, VectorModel):
        mfccs = random_features.audio.frame_vectors
    rows = [expected_rows(random_features.video, backbone.maps, keep, frames) for keep in kept]
    expected = np.array([judged(mfcc_model, mfccs, row, seconds) for row in rows])
    own = mfcc_model.predict(random_features)
    effect = np.abs(expected - own).max(axis=1)
    assert effect.min() > 1e-3
    assert_allclose(found, expected, atol=0.05 * effect.min())


class Counting:
    """A backbone whose maps are zero, and the number of pictures that it looks at."""

    name = "counting"

    def __init__(self) -> None:
        self.seen: list[int] = []

    def maps(self, pictures: np.ndarray) -> np.ndarray:
        self.seen.append(len(pictures))
        return np.zeros((len(pictures), 512, 7, 7), np.float32)


def test_only_what_is_touched_is_seen_again(random_features, random_model):
    """The backbone is asked for touched frames of changed states, and for nothing else; there are words between its passes."""
    counting, said = Counting(), []
    kept = np.ones((40, 1, 7, 7), bool)
    kept.reshape(40, 49)[2 * np.arange(20), np.arange(20)] = False
    subject = subject_of(random_features, random_model, counting)
    found = FaceCellMasker(subject, np.array([2]), "blurring", said.append)(kept.reshape(40, -1))
    assert sum(counting.seen) == 20
    assert said == ["blurring"] * len(counting.seen)
    assert len(said) >= 3
    assert_allclose(found[1::2], np.repeat(random_model.predict(random_features)[None], 20, axis=0), atol=1e-4)
    rows = random_features.video.frame_vectors
    assert_allclose(found[0], face_logits(subject, np.stack([rows[0], np.zeros(512)])[None])[0], atol=1e-4)
    both = np.ones((8, 2, 49), bool)
    both[np.arange(8), 1, np.arange(8)] = False
    counting.seen.clear()
    assert_allclose(FaceCellMasker(subject, np.array([0, 2]))(both.reshape(8, -1)), np.repeat(found[:1], 8, axis=0), atol=1e-4)
    assert sum(counting.seen) == 8


def test_blurred_cells_are_gone_in_their_middle_whole_far_away_and_soft_between(random_features):
    crop = random_features.video.crops[0]
    keep = np.ones((1, 7, 7), bool)
    keep[0, 1:4, 4:] = False
    (found,) = blend(crop[None], np.zeros_like(crop)[None], keep)
    middle = slice(2 * SIDE + 8, 3 * SIDE - 8), slice(5 * SIDE + 8, 6 * SIDE - 8)
    assert found[middle].mean() < 0.02 * crop[middle].mean()
    away = np.ones((CROP, CROP), bool)
    away[: 6 * SIDE + 8, 2 * SIDE - 8 :] = False
    assert_array_equal(found[away], crop[away])
    edge = slice(2 * SIDE, 3 * SIDE), slice(4 * SIDE - 2, 4 * SIDE + 2)
    assert 0.4 * crop[edge].mean() < found[edge].mean() < 0.6 * crop[edge].mean()
    assert blend(crop[None], np.zeros_like(crop)[None], np.ones((1, 7, 7), bool)).sum() == crop.sum(dtype=np.int64)
    assert not blend(crop[None], np.zeros_like(crop)[None], np.zeros((1, 7, 7), bool)).any()


def test_other_face_features_reach_the_model_as_they_are(random_features, any_model):
    rows = RNG(0).uniform(0, 1, (3, 2, 512))
    mfccs, _, seconds = sequences_of(random_features)
    if isinstance(any_model, VectorModel):
        mfccs = random_features.audio.frame_vectors
    found = face_logits(subject_of(random_features, any_model), rows)
    assert_allclose(found, [judged(any_model, mfccs, row, seconds) for row in rows], atol=1e-5)


def test_removed_features_are_at_their_mean_in_training(random_features, mfcc_model):
    """In a sequence, at every moment."""
    kept = RNG(0).random((40, 552)) < 0.5
    mfccs, faces, seconds = sequences_of(random_features)
    if isinstance(mfcc_model, VectorModel):
        mfccs = random_features.audio.frame_vectors
    mean = mfcc_model.standardise.mean
    expected = [
        judged(mfcc_model, np.where(keep[:40, None], mfccs, mean[:40, None]), np.where(keep[40:], faces, mean[40:]), seconds)
        for keep in kept
    ]
    assert_allclose(FeatureMasker(subject_of(random_features, mfcc_model))(kept), expected, atol=1e-5)


@pytest.mark.parametrize("missing", list(Modality))
def test_a_missing_modality_is_no_part_and_stays_missing(missing, random_features, mfcc_model):
    features = random_features.with_part(missing, None)
    subject = subject_of(features, mfcc_model)
    masker, own = FeatureMasker(subject), mfcc_model.predict(features)
    (there,) = features.modalities
    assert len(masker) == SPACE.size(there)
    expected = np.zeros(552, bool)
    expected[SPACE.slices[there]] = True
    assert_array_equal(weighed_parts(subject).present, expected)
    evidence = RNG(0).normal(size=552)
    assert_array_equal(masker.select(evidence), evidence[expected])
    assert_allclose(masker(np.ones((1, len(masker)), bool))[0], own, atol=1e-5)
    gone = masker(np.zeros((1, len(masker)), bool))[0]
    assert np.abs(gone - own).max() > 1e-3
    inputs = mfcc_model.encode(features)
    assert_allclose(gone, mfcc_model.logits(mfcc_model.baseline(inputs))[0], atol=1e-5)


def test_frames_that_are_left_speak_for_the_others(random_features, mfcc_model):
    subject = subject_of(random_features, mfcc_model)
    mfccs, rows, seconds = sequences_of(random_features)
    if isinstance(mfcc_model, VectorModel):
        mfccs = random_features.audio.frame_vectors
    found = FrameMasker(subject)(np.array([[True, True], [True, False], [False, True]]))
    expected = [judged(mfcc_model, mfccs, rows[which], seconds) for which in ([0, 1], [0, 0], [1, 1])]
    assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(found, axis=0).max() > 5e-4


def test_a_recording_without_a_modality_is_encoded_without_it(random_features, any_model):
    masker = ModalityMasker(subject_of(random_features, any_model))
    assert masker.modalities == tuple(Modality)
    kept = np.array([[True, True], [True, False], [False, True]])
    without = [random_features, *(random_features.with_part(m, None) for m in (Modality.VIDEO, Modality.AUDIO))]
    found = masker(kept)
    assert_allclose(found, [any_model.predict(features) for features in without], atol=1e-6)
    assert np.abs(found[1:] - found[0]).max(axis=1).min() > 1e-3
    neither = masker(np.array([[False, False]]))
    assert_allclose(neither[0], judged(any_model, None, None), atol=1e-6)


def test_a_long_voice_is_judged_in_small_blocks(random_features, token_model, monkeypatch):
    """A clip of minutes, seven dozen times at once, would not fit into a small server's memory."""
    sizes = []
    whole = type(token_model).logits

    def watched(self, inputs):
        sizes.append(inputs.batch.voice.shape[0] * inputs.batch.voice.shape[2])
        return whole(self, inputs)

    subject, patches = subject_of(random_features, token_model), grid_of(random_features)
    games = [
        (FeatureMasker(subject), RNG(0).random((50, 552)) < 0.5),
        (PatchMasker(subject, patches), RNG(1).random((50, len(patches))) < 0.5),
        (PatchMasker(subject, patches, exact=True), RNG(1).random((50, len(patches))) < 0.5),
        (FrameMasker(subject), np.array([[True, False], [True, True]] * 10)),
    ]
    rows = RNG(1).uniform(0, 1, (50, 2, 512))
    expected = [*(masker(kept) for masker, kept in games), face_logits(subject, rows)]
    monkeypatch.setattr(type(token_model), "logits", watched)
    monkeypatch.setattr("models.sequence_model._BLOCK_FRAMES", 400)
    found = [*(masker(kept) for masker, kept in games), face_logits(subject, rows)]
    assert max(sizes) <= 400
    for ours, theirs in zip(found, expected, strict=True):
        assert_allclose(ours, theirs, atol=1e-5)


def test_words_are_said_before_every_block(random_features, mfcc_model):
    subject, said = subject_of(random_features, mfcc_model), []
    patches = grid_of(random_features)
    PatchMasker(subject, patches, exact=True, words="fading", say=said.append)(np.ones((130, len(patches)), bool))
    weights = FeatureMasker(subject, "taking away", said.append)
    weights(np.ones((130, len(weights)), bool))
    assert said == ["fading"] * 3 + ["taking away"] * said.count("taking away")
    assert said.count("taking away") >= 3


def test_the_recording_itself_is_left_alone(random_features, mfcc_model, backbone):
    before = [random_features.vector.copy(), random_features.video.maps.copy(), random_features.video.crops.copy()]
    mel, mfccs = random_features.audio.mel_db.copy(), random_features.audio.frame_vectors.copy()
    for masker in maskers(subject_of(random_features, mfcc_model, backbone)):
        if not isinstance(masker, FrameMasker):  # of which one must be left
            masker(np.zeros((1, len(masker)), bool))
    audio, video = random_features.audio, random_features.video
    for a, b in zip(
        [*before, mel, mfccs], [random_features.vector, video.maps, video.crops, audio.mel_db, audio.frame_vectors], strict=True
    ):
        assert_array_equal(a, b)


def test_temperatures_of_one_modality_alone_apply_while_it_is_taken_apart(voice, random_model):
    model = replace(random_model, alone={Modality.AUDIO: 2.6, Modality.VIDEO: 0.7})
    kept = RNG(0).random((2, 40)) < 0.5
    plain, alone = (FeatureMasker(subject_of(voice, m))(kept) for m in (random_model, model))
    assert_allclose(plain / alone, 2.6 / 1.3, rtol=1e-5)


def test_each_kind_of_parts_has_its_masker(random_features, random_model, backbone):
    """What is tested goes the whole way: patches through the spectrogram, where a sum would do as well."""
    subject, patches = subject_of(random_features, random_model, backbone), grid_of(random_features)
    masker = masker_of(SoundPatches(patches.cells, np.zeros((len(patches), 4))), subject)
    assert isinstance(masker, PatchMasker)
    assert masker.exact
    assert_array_equal(masker.patches.cells, patches.cells)
    assert isinstance(masker_of(Columns(np.ones(552, bool)), subject), FeatureMasker)
    cells = masker_of(FrameCells(), subject)
    assert isinstance(cells, FaceCellMasker)
    evidence = RNG(0).normal(size=(3, 7, 7))
    assert_array_equal(cells.select(evidence), np.r_[evidence[0].ravel(), evidence[2].ravel()])


def test_another_kind_of_parts_registers_its_own_masker(random_features, random_model):
    @dataclass(frozen=True)
    class Halves:
        panel: ClassVar[Panel] = Panel.HEARD

        def shown(self, values: np.ndarray, contrast: Contrast) -> np.ndarray:
            return contrast.of(values)

    subject = subject_of(random_features, random_model)
    with pytest.raises(TypeError, match="Halves"):
        masker_of(Halves(), subject)
    own = FrameMasker(subject)
    masker_of.register(Halves, lambda parts, subject, words="", say=None: own)
    assert masker_of(Halves(), subject) is own


# What is remembered.


def games(subject: Subject) -> list[tuple]:
    """Masker and parts of every kind that checks are made on."""
    cells = grid_of(subject.features).cells
    parts = [FrameCells(), SoundPatches(cells, np.zeros((len(cells), 4))), Columns(weighed_parts(subject).present)]
    return [(masker_of(own, subject), own) for own in parts]


def test_what_is_remembered_is_what_would_be_judged_again(random_features, mfcc_model, backbone):
    """In any order, twice in one call, some of it known and some not."""
    subject = subject_of(random_features, mfcc_model, backbone)
    for masker, parts in games(subject):
        few = RNG(0).random((11, len(masker))) < 0.7
        calls = few[:6], few[[3, 9, 3, 0, 10]], few[::-1], few[:1], few[:0].reshape(0, len(masker))
        remembering = Remembering(masker, subject, parts)
        assert (len(remembering), remembering.effort) == (len(masker), masker.effort)
        expected = masker(few)
        for kept, which in zip(calls[:4], (slice(0, 6), [3, 9, 3, 0, 10], slice(None, None, -1), slice(0, 1)), strict=False):
            assert_allclose(remembering(kept), expected[which], atol=1e-5)
        assert np.ptp(expected, axis=0).max() > 1e-3


def test_states_of_other_parts_and_of_other_models_are_others(random_features, random_model, backbone):
    """Of one length, and of one pattern."""
    subject = subject_of(random_features, random_model, backbone)
    cells = grid_of(random_features).cells
    rows = [np.zeros((1, len(cells)), bool)] * 2
    rows[1] = ~np.eye(len(cells), dtype=bool)[:1]
    for kept in rows:
        for order in (cells, cells[::-1]):
            parts = SoundPatches(order, np.zeros((len(cells), 4)))
            masker = masker_of(parts, subject)
            assert_allclose(Remembering(masker, subject, parts)(kept), masker(kept), atol=1e-5)
    other = replace(subject, model=replace(random_model, temperature=2.6))
    (masker, parts), (again, _) = games(subject)[2], games(other)[2]
    kept = RNG(1).random((2, 552)) < 0.5
    assert_allclose(Remembering(masker, subject, parts)(kept), 2 * Remembering(again, other, parts)(kept), atol=1e-5)
    assert other.memo is not subject.memo
    assert subject.memo is subject.memo


def test_another_explanation_and_another_class_cost_their_own_order_only(random_features, random_model):
    """Five random orders in five steps, and what is left of nothing, are seen once; each order has nine steps in two directions."""
    counting = Counting()
    subject = subject_of(random_features, random_model, counting)
    scores = {}
    for name, target in (("one", 2), ("other", 2), ("other", 5), ("one", 2)):
        evidence = RNG(len(name)).random((8, 3, 7, 7))
        counting.seen.clear()
        score = check_faithfulness(subject, Attribution(name, evidence, FrameCells()), Contrast(target))
        scores[name, target, len(scores)] = score, sum(counting.seen)
        fresh = check_faithfulness(replace(subject), Attribution(name, evidence, FrameCells()), Contrast(target))
        assert_allclose([score.value, *score.spread], [fresh.value, *fresh.spread], atol=1e-5)
    passes = [count for _, count in scores.values()]
    whole = 2 * 9 + 5 * 4
    assert 2 * whole - 10 <= passes[0] <= 2 * (whole + 1)  # a frame may be whole, or as another, in some state
    assert 2 * 18 - 4 <= passes[1] <= 2 * 18
    assert 2 * 18 - 4 <= passes[2] <= 2 * 18
    assert passes[3] == 0


def test_what_was_judged_before_work_is_cancelled_stays_known(random_features, random_model):
    counting = Counting()
    subject = subject_of(random_features, random_model, counting)
    kept = RNG(0).random((40, 98)) < 0.5

    def stop(words: str) -> None:
        if len(counting.seen) >= 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Remembering(FaceCellMasker(subject, None, "", stop), subject, FrameCells())(kept)
    before = sum(counting.seen)
    assert before == 40
    Remembering(FaceCellMasker(subject), subject, FrameCells())(kept)
    assert sum(counting.seen) <= 80 + 8  # at most one block of pictures is seen twice


def test_there_are_words_between_a_few_pictures(random_features, random_model):
    """However many states and frames: it is there that work steps aside for others."""
    counting, said = Counting(), []
    subject = subject_of(random_features, random_model, counting)
    FaceCellMasker(subject, None, "blurring", said.append)(RNG(0).random((30, 98)) < 0.5)
    assert max(counting.seen) <= 8
    assert len(said) == len(counting.seen) >= 8


def test_a_picture_that_several_states_share_is_seen_once(random_features, random_model, backbone):
    counting = Counting()
    subject = subject_of(random_features, random_model, counting)
    kept = np.ones((6, 2, 49), bool)
    kept[:, 0, :20] = False  # the same in all
    kept[np.arange(3), 1, np.arange(3)] = False
    FaceCellMasker(subject)(kept.reshape(6, -1))
    assert sum(counting.seen) == 1 + 3
    real = replace(subject, backbone=backbone)
    alone = np.concatenate([FaceCellMasker(real)(row[None]) for row in kept.reshape(6, -1)])
    assert_allclose(FaceCellMasker(real)(kept.reshape(6, -1)), alone, atol=1e-4)


def test_a_memo_is_bounded_and_forgets_what_was_not_used_for_longest():
    memo, made = Memo(most=3), []

    def make(key: int) -> np.ndarray:
        return memo.of(key, lambda: made.append(key) or np.full(1, key))

    for key in (1, 2, 3, 1, 4, 1, 2):
        assert make(key) == [key]
    assert made == [1, 2, 3, 4, 2]  # 1 was used again, so 2 and then 3 went
    assert memo.get(3) is None


def test_threads_share_a_memo():
    memo = Memo(most=50)

    def work(seed: int) -> bool:
        keys = RNG(seed).integers(0, 100, 2000).tolist()
        return all(memo.of(key, lambda key=key: np.full(1, key))[0] == key for key in keys)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    assert sum(memo.get(key) is not None for key in range(100)) == 50
