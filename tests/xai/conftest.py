"""A recording with random content and a classifier with random weights, for any explanation; and the library's LIME."""

import numpy as np
import pytest
from lime.lime_base import LimeBase
from sklearn.metrics import pairwise_distances

from features import Features
from features.audio import HOP, RATE
from models.model import EmotionModel
from models.sequence_model import SequenceModel
from models.token_model import TokenModel
from models.vector_model import VectorModel
from tests.recordings import as_tokens, burst, make_audio, make_video, random_recording, recording
from tests.untrained import untrained_sequence_model, untrained_token_model, untrained_vector_model
from xai.explanation import Attribution, Backbone, Contrast, Settings, Subject

__all__ = ["assert_marks_burst", "burst", "library_lime", "make_audio", "make_video", "recording", "subject_of"]


@pytest.fixture
def random_model() -> VectorModel:
    return untrained_vector_model()


@pytest.fixture(scope="session")
def token_model() -> SequenceModel:
    return untrained_sequence_model()


@pytest.fixture(scope="session")
def whisper_model() -> TokenModel:
    return untrained_token_model()


@pytest.fixture(params=["random_model", "token_model"])
def mfcc_model(request) -> EmotionModel:
    """A model of one vector, and one of a sequence."""
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["random_model", "token_model", "whisper_model"])
def any_model(request) -> EmotionModel:
    """A model of one vector, one of a sequence, and one of the tokens of another encoder, which :func:`random_features` are heard by."""
    return request.getfixturevalue(request.param)


def subject_of(features: Features, model: EmotionModel, backbone: Backbone | None = None, **settings) -> Subject:
    """A subject; without a backbone, one whose face is not to be looked at again."""
    return Subject(features, model, backbone, Settings(**settings))  # type: ignore[arg-type]


@pytest.fixture
def random_features(backbone, request) -> Features:
    """Two seconds of noise in bursts, and three frames of noise of which the second has no face; as the model of the test hears them."""
    found = random_recording(backbone.maps)
    return as_tokens(found) if "any_model" in request.fixturenames and _reads_tokens(request) else found


def _reads_tokens(request) -> bool:
    return isinstance(request.getfixturevalue("any_model"), TokenModel)


def library_lime(masks: np.ndarray, logits: np.ndarray, target: int, seed: int) -> tuple[np.ndarray, float]:
    """Weights (p,) and R² of ``lime``'s own surrogate, called as lime_image does."""
    distances = pairwise_distances(masks, masks[:1], metric="cosine").ravel()
    base = LimeBase(lambda d: np.sqrt(np.exp(-(d**2) / 0.25**2)), random_state=seed)
    _, found, r2, _ = base.explain_instance_with_data(masks, logits, distances, target, masks.shape[1], "none")
    return np.array([weight for _, weight in sorted(found)]), r2


@pytest.fixture
def voice(random_features) -> Features:
    return recording(random_features.audio)


@pytest.fixture
def face(random_features) -> Features:
    return recording(None, random_features.video)


def assert_marks_burst(lime: Attribution, target: int, start: float, band: int) -> None:
    """The strongest patch holds :func:`tests.recordings.burst`."""
    a, b, low, high = lime.parts.cells[lime.of(Contrast(target)).argmax()]
    assert low <= band < high
    assert a * HOP / RATE <= start + 0.2
    assert b * HOP / RATE >= start
