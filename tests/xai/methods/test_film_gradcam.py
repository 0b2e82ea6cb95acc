"""Grad-CAM where the face network reads a film: in time and space that of ``pytorch-grad-cam``, end to end on a random R3D-18."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from features import Features, Modality
from models.networks.film_backbone import STEPS, FilmBackbone, time_shares
from tests.film_backbones import QuickFilm, random_film_backbone
from tests.untrained import untrained_vector_model
from xai.explanation import Contrast, Subject
from xai.masking import FaceCellMasker
from xai.methods import methods_of
from xai.methods.gradcam import GradCam, class_activation
from xai.metrics.looking import look_again

FRAMES = 3


@pytest.fixture(scope="module")
def subject(sample_analysis) -> Subject:
    """Seen by R3D-18."""
    return seen_by(random_film_backbone(), sample_analysis.features)


def seen_by(film: FilmBackbone, features: Features) -> Subject:
    """Three frames of a recording, the second of four left out, judged by a random Transformer."""
    video = features.video
    used = np.array([True, False, True, True])
    cut = {name: getattr(video, name)[:4] for name in ("times", "pictures", "faces", "squares", "crops", "maps")}
    crops = cut["crops"] * used[:, None, None, None]
    maps = np.zeros_like(cut["maps"])
    maps[used] = film.maps(crops[used])
    video = replace(video, **cut | {"crops": crops, "maps": maps, "used": used})
    model = untrained_vector_model()
    return Subject(features.with_part(Modality.VIDEO, video), model, film)


class Whole(nn.Module):
    """A film (1, 3, 30, 112, 112) → calibrated logits, through the network's own pool."""

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.film, self.subject = subject.backbone, subject

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        face = self.film(x).mean(dim=(2, 3, 4))
        return self.subject.model.forward(self.subject.inputs.with_faces(face[:, None].expand(-1, FRAMES, -1)))


@pytest.fixture(scope="module")
def library(subject) -> np.ndarray:
    """(8, 4, 7, 7): of every emotion in every step of time, signed, before the library scales it."""
    network, video = Whole(subject), subject.features.video
    x = subject.backbone.film(video.crops[video.used])
    layer, found = subject.backbone.layer4[-1], []
    for target in range(8):
        with GradCAM(network, [layer]) as cam:
            outputs = cam.activations_and_grads(x.clone().requires_grad_(True))
            outputs[0, target].backward()
            parts = (getattr(cam.activations_and_grads, name)[0].data.numpy() for name in ("activations", "gradients"))
            found.append(cam.get_cam_image(x, layer, [ClassifierOutputTarget(target)], *parts, eigen_smooth=False)[0])
    return np.array(found)


def test_frames_hold_the_librarys_steps_of_time(subject, library):
    video = subject.features.video
    found = class_activation(subject.features, subject.model)
    expected = np.einsum("nt,ctij->cnij", time_shares(FRAMES) * STEPS / FRAMES, library)
    scale = np.abs(expected).max()
    assert scale > 0
    assert_allclose(found[:, video.used], expected, atol=1e-3 * scale)
    assert (found[:, ~video.used] == 0).all()
    assert_allclose(found.sum(axis=1), library.sum(axis=1), atol=1e-3 * np.abs(library.sum(axis=1)).max())


def test_a_masked_face_is_a_film_of_its_own(subject):
    """Blurring the first frame changes what is made of the others, too: the whole film passes again."""
    video = subject.features.video
    masker = FaceCellMasker(subject)
    kept = np.ones((2, len(masker)), bool)
    kept[1, :49] = False
    film = video.crops[video.used].copy()
    film[0] = masker.blurred[0]
    maps = subject.backbone.maps(film)
    expected = subject.model.logits(subject.inputs.with_faces(maps.mean(axis=(2, 3))[None]))[0]
    found = masker(kept)
    assert_allclose(found[0], subject.model.predict(subject.features), atol=1e-4)
    assert_allclose(found[1], expected, atol=1e-4)
    assert np.abs(maps[1:] - video.maps[video.used][1:]).max() > 1e-4


def test_to_look_again_is_to_see_the_film(subject):
    video = subject.features.video
    maps, where = look_again(subject, video.crops[[2]], np.array([2]))
    assert where.tolist() == [0, 2, 3]
    assert_allclose(maps, video.maps[where], atol=1e-5)


def test_its_checks_and_what_applies(sample_analysis):
    subject = seen_by(QuickFilm(), sample_analysis.features)
    explained = GradCam().explain(subject)
    scores = {score.measure.name: score.value for score in GradCam().checks(subject, explained, Contrast(0))}
    assert {"sanity_backbone", "sanity_classifier"} <= scores.keys()
    assert all(np.isfinite(value) for value in scores.values())
    assert "layercam3" not in methods_of(subject)
    assert "hirescam" not in methods_of(subject)
    assert {"gradcam", "occlusion", "rise", "integrated_gradcam", "shap_face"} <= methods_of(subject).keys()
