"""Tiny speech models of Hugging Face with random weights, saved as a user's folder would be."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

KINDS = ("Wav2Vec2", "Hubert", "WavLM")
_SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": (8,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "classifier_proj_size": 8,
}


def save_speech_model(folder: Path, kind: str = "Wav2Vec2", labels: Sequence[str] = (), seed: int = 0, normalise: bool = True) -> Path:
    """An encoder, or a classifier of ``labels``, with its feature extractor."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(seed)
    names = {"id2label": dict(enumerate(labels)), "label2id": {label: k for k, label in enumerate(labels)}} if labels else {}
    config = getattr(transformers, f"{kind}Config")(**_SMALL, **names)
    network = getattr(transformers, f"{kind}{'ForSequenceClassification' if labels else 'Model'}")(config)
    network.save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=normalise).save_pretrained(folder)
    return folder
