"""The same job done with the libraries as they come: what :mod:`tests.bench.speed` compares with.

librosa for the voice, OpenCV frame by frame for the video, ``pytorch-grad-cam`` for each class, ``lime_image`` over the
picture of the spectrogram, ``shap.GradientExplainer``. Same weights, same face detector, same inputs, all eight classes.
The other way round, :mod:`xai.reference` asks the libraries about single explanations of a clip, for a reader of a page.
"""

from __future__ import annotations

import io
import tempfile

import cv2
import numpy as np

from features import SPACE, Modality
from features.audio import N_MFCC, RATE
from features.faces import crop_square, cut, detect_faces
from models.labels import LABELS
from models.networks.backbone import FaceBackbone
from models.vector_model import VectorInputs, VectorModel
from xai.methods.pytorch_grad_cam import FusedNetwork
from xai.methods.shap import library_values

LIME_SAMPLES = 1000  # lime_image's default


def analyse_stock(audio: bytes, video: bytes, model: VectorModel, backbone: FaceBackbone) -> dict[str, np.ndarray]:
    """Logits and explanations of all eight classes; every frame is expected to show a face."""
    mel_db, mfcc = _voice(audio)
    crops = _crops(video)
    vector = SPACE.join({Modality.AUDIO: mfcc, Modality.VIDEO: backbone.maps(crops).mean(axis=(0, 2, 3))})
    inputs = model.inputs(vector[None])
    return {
        "logits": model.logits(inputs)[0],
        "gradcam": _gradcam(crops, inputs, model, backbone),
        "lime": _lime(mel_db, vector, model),
        "shap": library_values(model, inputs, model.inputs(model.reference), 0),
    }


def _voice(audio: bytes) -> tuple[np.ndarray, np.ndarray]:
    import librosa

    y, rate = librosa.load(io.BytesIO(audio), sr=RATE, mono=True)
    mel_db = librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=rate))
    return mel_db, librosa.feature.mfcc(y=y, sr=rate, n_mfcc=N_MFCC).mean(axis=1)


def _crops(video: bytes, stride: int = 30) -> np.ndarray:
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(video)
        file.flush()
        capture, crops, index = cv2.VideoCapture(file.name), [], 0
        while True:
            there, frame = capture.read()
            if not there:
                break
            if index % stride == 0:
                rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
                crops.append(cut(rgb, crop_square(detect_faces(rgb)[0])))
            index += 1
        capture.release()
    return np.stack(crops)


def _gradcam(crops: np.ndarray, inputs: VectorInputs, model: VectorModel, backbone: FaceBackbone) -> np.ndarray:
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    network = FusedNetwork(backbone, model, inputs)
    frames = backbone.preprocessing(crops).requires_grad_(True)  # the weights are frozen: gradients start at the pixels
    with GradCAM(network, [backbone.layer4[-1]]) as cam:
        # The network answers once for all frames: the first row of targets is the only one.
        return np.stack([cam(frames, [ClassifierOutputTarget(target)]) for target in range(len(LABELS))])


def _lime(mel_db: np.ndarray, vector: np.ndarray, model: VectorModel) -> np.ndarray:
    import librosa
    from lime.lime_image import LimeImageExplainer

    low, high = mel_db.min(), mel_db.max()
    picture = np.repeat(((mel_db - low) / (high - low))[..., None], 3, axis=2)

    def classify(pictures: np.ndarray) -> np.ndarray:
        spectrograms = low + (high - low) * pictures.mean(axis=3)
        mfcc = librosa.feature.mfcc(S=spectrograms, n_mfcc=N_MFCC).mean(axis=2)
        vectors = np.repeat(vector[None], len(mfcc), axis=0)
        SPACE.part(vectors, Modality.AUDIO)[:] = mfcc
        return model.logits(model.inputs(vectors))

    explainer = LimeImageExplainer(random_state=0)
    found = explainer.explain_instance(picture, classify, top_labels=len(LABELS), num_samples=LIME_SAMPLES, batch_size=100)
    return np.array([len(found.local_exp[label]) for label in range(len(LABELS))])
