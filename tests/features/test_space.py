"""Columns, modalities and their moments: what was put in comes out, and numbers are numpy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from features import SPACE, FeatureSpace, Modality, Standardiser

RNG = np.random.default_rng


@st.composite
def spaces(draw) -> FeatureSpace:
    """Some modalities in any order, each with one to six columns."""
    modalities = draw(st.lists(st.sampled_from(list(Modality)), min_size=1, unique=True))
    return FeatureSpace({m: tuple(f"{m}_{k}" for k in range(draw(st.integers(1, 6)))) for m in modalities})


@st.composite
def standardisers(draw) -> Standardiser:
    space, rng = draw(spaces()), RNG(draw(st.integers(0, 2**31)))
    return Standardiser(rng.normal(0, 100, len(space)), rng.uniform(0.01, 50, len(space)), space)


def parts_of(space: FeatureSpace, seed: int) -> dict[Modality, np.ndarray]:
    return {m: RNG([seed, k]).normal(size=space.size(m)) for k, m in enumerate(space.columns)}


def test_the_shipped_space_is_40_numbers_of_the_voice_and_512_of_the_face():
    assert len(SPACE) == 552
    assert SPACE.names == [f"mfcc_{k:02d}" for k in range(40)] + [f"face_{k:03d}" for k in range(512)]
    assert SPACE.slices == {Modality.AUDIO: slice(0, 40), Modality.VIDEO: slice(40, 552)}


def test_modalities_are_keys_of_results_and_have_words_for_readers():
    assert [f"{modality}" for modality in Modality] == ["audio", "video"]
    assert [modality.noun for modality in Modality] == ["voice", "face"]


@given(spaces())
def test_slices_tile_the_vector_in_the_order_of_the_columns(space):
    places = [k for columns in space.slices.values() for k in range(columns.start, columns.stop)]
    assert places == list(range(len(space)))
    for modality, names in space.columns.items():
        assert tuple(space.names[space.slices[modality]]) == names
        assert space.size(modality) == len(names)


@given(spaces(), st.integers(0, 2**31), st.data())
def test_what_is_joined_is_present_and_comes_apart_again(space, seed, data):
    parts = parts_of(space, seed)
    shown = data.draw(st.sets(st.sampled_from(list(parts))))
    unknown = data.draw(st.sets(st.sampled_from(list(parts))))
    given_parts = {m: parts[m] if m in shown else None for m in parts if m in shown | unknown}  # None and left out mean the same
    vector = space.join(given_parts)
    assert space.present(vector) == shown
    for modality, part in parts.items():
        assert_array_equal(space.part(vector, modality), part if modality in shown else np.full(len(part), np.nan))


@given(spaces(), st.data())
def test_a_part_with_a_hole_is_not_present(space, data):
    vector = space.join(parts_of(space, 0))
    hole = data.draw(st.integers(0, len(space) - 1))
    vector[hole] = np.nan
    assert space.present(vector) == {m for m, columns in space.slices.items() if not columns.start <= hole < columns.stop}


@given(spaces(), st.lists(st.integers(1, 3), max_size=3), st.data())
def test_a_part_lies_along_any_axis_and_is_a_view(space, others, data):
    axis = data.draw(st.integers(0, len(others)))
    shape = [*others[:axis], len(space), *others[axis:]]
    values = RNG(0).normal(size=shape)
    for modality, columns in space.slices.items():
        expected = values.take(range(columns.start, columns.stop), axis=axis)
        for place in (axis, axis - len(shape)):
            assert_array_equal(space.part(values, modality, place), expected)
            assert np.shares_memory(space.part(values, modality, place), values)
    if axis == len(others):
        assert_array_equal(space.part(values, modality), expected)  # the last axis, if nothing is said


@given(standardisers(), st.integers(1, 5), st.integers(0, 2**31))
def test_standardised_is_what_numpy_makes_of_it_number_by_number(standardise, n, seed):
    rng, d = RNG(seed), len(standardise.space)
    raw = rng.normal(0, 100, (n, d))
    raw[rng.random((n, d)) < 0.3] = np.nan
    found = standardise(raw)
    assert (found.shape, found.dtype) == ((n, d), np.float32)
    for row in range(n):
        for column in range(d):
            z = (raw[row, column] - standardise.mean[column]) / standardise.std[column]
            assert found[row, column] == np.float32(0.0 if np.isnan(raw[row, column]) else z)


@given(standardisers())
def test_the_average_and_what_is_missing_are_zero(standardise):
    space = standardise.space
    for modality in space.columns:
        vector = standardise.mean.copy()
        space.part(vector, modality)[:] = np.nan
        assert not standardise(vector[None]).any()
    assert_array_equal(standardise((standardise.mean + 2 * standardise.std)[None]).round(4), np.full((1, len(space)), 2.0))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(standardise=standardisers(), others=st.lists(st.integers(1, 4), max_size=2), data=st.data())
def test_one_modality_alone_is_standardised_as_in_the_whole_vector(dtype, standardise, others, data):
    """Along any axis: means (n, d), a spectrogram's coefficients (d, frames), faces (n, frames, d)."""
    space = standardise.space
    modality = data.draw(st.sampled_from(list(space.columns)))
    axis = data.draw(st.integers(0, len(others)))
    raw = RNG(1).normal(0, 100, [*others[:axis], space.size(modality), *others[axis:]])
    found = standardise.part(raw, modality, axis, dtype)
    assert (found.shape, found.dtype) == (raw.shape, np.float32)
    rows = np.moveaxis(raw, axis, -1).reshape(-1, space.size(modality))
    whole = np.full((len(rows), len(space)), np.nan)
    whole[:, space.slices[modality]] = rows
    expected = space.part(standardise(whole), modality)
    scale = np.abs(np.concatenate([raw.ravel(), standardise.mean])).max() / standardise.std.min()
    atol = 0.0 if dtype is np.float64 else 1e-6 * scale  # what subtracting in float32 may cost
    assert_allclose(np.moveaxis(found, axis, -1).reshape(rows.shape), expected, rtol=1e-7, atol=atol)


@given(standardisers(), hnp.array_shapes(max_dims=2, max_side=3), st.integers(0, 2**31))
def test_derivatives_by_raw_features_follow_the_chain_rule(standardise, shape, seed):
    """A small raw step changes the standardised features by step ÷ std, and a function by the gradient times that."""
    space, rng = standardise.space, RNG(seed)
    gradient, step = rng.normal(size=(*shape, len(space))), rng.normal(size=len(space))
    raw = standardise.raw_gradient(gradient)
    assert raw.shape == gradient.shape
    moved = (standardise.mean + step - standardise.mean) / standardise.std
    assert_allclose(raw @ step, gradient @ moved, rtol=1e-6, atol=1e-9 * np.abs(moved).max() * len(space))
    for modality in space.columns:
        own = standardise.raw_gradient(space.part(gradient, modality), modality)
        assert_array_equal(own, space.part(raw, modality))
