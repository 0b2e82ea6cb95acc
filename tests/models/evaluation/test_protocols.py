"""Ways to divide the recordings: complete, without overlap, and without leaks."""

from pathlib import Path

import numpy as np
import pytest

from models.data.ravdess import ACTORS, Take, performances
from models.evaluation.protocols import FOLDS, PROTOCOLS
from tests.models.conftest import take

COUNTS = {"actor-5fold": 5, "leave-one-actor-out": 24, "sentence": 2, "random": 5}


@pytest.fixture(scope="module")
def takes() -> list[Take]:
    """All of RAVDESS: each performance as a voice, and twice as a video."""
    keys = [key for actor in ACTORS for key in performances(actor)]
    return [take(key, *kind) for key in keys for kind in ((3, "voice"), (1, "video"), (2, "video"))]


@pytest.fixture(scope="module", params=PROTOCOLS)
def masks(request, takes):
    splits = PROTOCOLS[request.param].splits(takes)
    return request.param, np.array([split.mask(takes) for split in splits])


def test_every_take_is_tested_on_exactly_once(masks):
    name, held_out = masks
    assert len(held_out) == COUNTS[name]
    assert (held_out.sum(axis=0) == 1).all()
    assert held_out.any(axis=1).all()


def test_speaker_independent_protocols_and_no_others_keep_actors_apart(masks, takes):
    name, held_out = masks
    actor = np.array([t.actor for t in takes])
    for mask in held_out:
        both = set(actor[mask]) & set(actor[~mask])
        assert (not both) == PROTOCOLS[name].speaker_independent, name
    assert PROTOCOLS[name].speaker_independent == (name in ("actor-5fold", "leave-one-actor-out"))


def test_all_files_of_a_performance_are_on_one_side(masks, takes):
    _, held_out = masks
    for mask in held_out:
        assert not {t.key for t, out in zip(takes, mask, strict=True) if out} & {
            t.key for t, out in zip(takes, mask, strict=True) if not out
        }


def test_photographs_are_never_tested_on(masks, takes):
    name, _ = masks
    for split in PROTOCOLS[name].splits([*takes, None]):
        assert not split.mask([None, None]).any()
        assert split.mask([None, *takes])[1:].any()
        assert split.mask([]).dtype == bool


def test_the_folds_are_the_published_ones(takes):
    """Luna-Jiménez et al. 2021, table of folds; every actor once, men (odd) and women in each."""
    assert [set(fold) for fold in FOLDS] == [
        {2, 5, 14, 15, 16},
        {3, 6, 7, 13, 18},
        {10, 11, 12, 19, 20},
        {8, 17, 21, 23, 24},
        {1, 4, 9, 22},
    ]
    assert sorted(actor for fold in FOLDS for actor in fold) == list(range(1, 25))
    assert all(0 < sum(actor % 2 for actor in fold) < len(fold) for fold in FOLDS)
    for split, fold in zip(PROTOCOLS["actor-5fold"].splits(takes), FOLDS, strict=True):
        assert {t.actor for t, out in zip(takes, split.mask(takes), strict=True) if out} == set(fold)


def test_names_say_who_is_left_out(takes):
    assert PROTOCOLS["actor-5fold"].splits(takes)[4].name == "actors 1, 4, 9, 22"
    assert PROTOCOLS["leave-one-actor-out"].splits(takes)[23].name == "actor 24"


def test_sentences(takes):
    first, second = PROTOCOLS["sentence"].splits(takes)
    assert [first.tests(t) for t in takes] == [t.statement == 1 for t in takes]
    assert [second.tests(t) for t in takes] == [t.statement == 2 for t in takes]


def test_random_parts_are_even_repeatable_and_depend_on_performances_alone(takes):
    splits = PROTOCOLS["random"].splits
    held_out = np.array([split.mask(takes) for split in splits(takes)])
    assert held_out.sum(axis=1).tolist() == [3 * 288] * 5
    voices = [t for t in takes if t.kind == "voice"]
    shuffled = [voices[k] for k in np.random.default_rng(1).permutation(len(voices))]
    again = np.array([split.mask(takes) for split in splits([*shuffled, None])])
    assert (again == held_out).all()
    # No actor, and no emotion, is all in one part.
    for attribute in ("actor", "emotion"):
        values = np.array([str(getattr(t, attribute)) for t in takes])
        assert all(len(set(values[mask])) == len(set(values)) for mask in held_out)


def test_splits_are_counted_without_recordings():
    """The number of jobs is known before anything is read."""
    for name, protocol in PROTOCOLS.items():
        assert len(protocol.splits([])) == COUNTS[name]
    assert not any(split.tests(take((1, "01", 1, 1, 1), 3, "voice")) for split in PROTOCOLS["random"].splits([]))


def test_a_take_is_judged_by_its_name_not_by_its_place():
    one = Take(7, "03", 1, 2, 1, 3, "voice", Path("anywhere/else"))
    assert [k for k, s in enumerate(PROTOCOLS["actor-5fold"].splits([])) if s.tests(one)] == [1]
