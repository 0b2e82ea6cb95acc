"""The library's own methods: for any model, on a copy that nobody else passes through."""

import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.xai.conftest import subject_of
from xai.methods import METHODS
from xai.methods.gradcam import class_activation
from xai.methods.pytorch_grad_cam import LIBRARY_CAMS, library_maps


@pytest.mark.parametrize("method", LIBRARY_CAMS, ids=lambda method: method.key)
def test_every_method_on_offer_runs_and_leaves_no_hook(random_features, any_model, backbone, method):
    own = any_model.predict(random_features)
    found = method.explain(subject_of(random_features, any_model, backbone))
    assert found.method == method.key
    assert found.values.shape == (8, 3, 7, 7)
    assert np.isfinite(found.values).all()
    assert found.values[:, random_features.video.used].any(axis=(2, 3)).any(axis=1).all()
    assert not found.values[:, 1].any()
    assert not any(m._forward_hooks or m._backward_hooks for m in [*backbone.modules(), *any_model.classifier.modules()])
    assert_allclose(any_model.predict(random_features), own, atol=0)


def test_no_video_no_map(voice, any_model, backbone):
    assert not any(method.applies(subject_of(voice, any_model, backbone)) for method in LIBRARY_CAMS)
    assert all(METHODS[method.key] is method for method in LIBRARY_CAMS)


def test_hirescam_weighs_cell_by_cell_as_grad_cam_does_where_the_gradient_is_constant(random_features, any_model, backbone):
    """Behind a global average pool both are the same (Draelos & Carin 2020): the second opinion of the library on one map."""
    ours = class_activation(random_features, any_model)
    theirs = library_maps(subject_of(random_features, any_model, backbone), "HiResCAM")
    assert_allclose(theirs, ours, atol=1e-4 * np.abs(ours).max())


def test_eigencam_does_not_ask_for_which_class(random_features, random_model, backbone):
    maps = library_maps(subject_of(random_features, random_model, backbone), "EigenCAM")
    assert_allclose(maps, np.broadcast_to(maps[:1], maps.shape), atol=0)


def test_an_unknown_method_is_refused(random_features, random_model, backbone):
    with pytest.raises(ValueError, match="choose one of"):
        library_maps(subject_of(random_features, random_model, backbone), "Voodoo")


def test_another_visitor_at_the_same_time_changes_nothing(random_features, random_model, backbone):
    """The library hooks a copy, so that passes of the shared network elsewhere do not end up in these maps."""
    subject = subject_of(random_features, random_model, backbone)
    expected = library_maps(subject, "HiResCAM")
    stop = threading.Event()
    foreign = np.random.default_rng(9).integers(0, 255, (5, 224, 224, 3), np.uint8)

    def disturb() -> None:
        while not stop.is_set():
            backbone.maps(foreign)

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        found = library_maps(subject, "HiResCAM")
    finally:
        stop.set()
        thread.join()
    assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())
