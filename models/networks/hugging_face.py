"""Speech models of Hugging Face's ``transformers``, from a folder or by name: no code of theirs runs, and nothing is unpickled.

The package is an extra (``requirements-transformers.txt``) and is imported when such a model is first asked for.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from features.log_mel import RATE
from models.networks import ModelError

_MISSING = "This model needs the package transformers: pip install -r requirements-transformers.txt"
_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")


@dataclass(frozen=True)
class SpeechModel:
    """A network of ``transformers`` that judges or encodes sound at 16 kHz.

    Attributes:
        network: in evaluation mode, its parameters frozen.
        extractor: its feature extractor, which turns samples into what the network reads.
        digest: 16 hex digits of the SHA-256 of its weights.
    """

    network: Any
    extractor: Any
    digest: str


@lru_cache(maxsize=2)
def load_speech_model(name: str, kind: str = "AutoModel") -> SpeechModel:
    """The model in a folder or, on a machine with access, of that name on Hugging Face's hub; loaded once.

    Args:
        kind: class of ``transformers`` that loads it.

    Raises:
        ModelError: ``transformers`` is missing, there is no such model, its weights are not ``safetensors``, or it reads another rate.
    """
    try:
        library = import_module("transformers")
    except ImportError as error:
        raise ModelError(_MISSING) from error
    if not Path(name).is_dir() and not _NAME.fullmatch(name):
        raise ModelError(f"{name} is not a folder: give that of a model (config.json, model.safetensors), or its name on huggingface.co.")
    try:
        extractor = library.AutoFeatureExtractor.from_pretrained(name, trust_remote_code=False)
        network = getattr(library, kind).from_pretrained(name, trust_remote_code=False, use_safetensors=True, dtype=torch.float32)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(_why(name, error)) from error
    if getattr(extractor, "sampling_rate", None) != RATE:
        raise ModelError(
            f"{name} does not read sound at {RATE / 1000:.0f} kHz: choose a speech model such as wav2vec 2.0, HuBERT or WavLM."
        )
    return SpeechModel(network.eval().requires_grad_(False), extractor, _digest(network))


def _why(name: str, error: Exception) -> str:
    """One sentence for what ``transformers`` explains in several."""
    folder = Path(name)
    if not folder.is_dir():
        return (
            f"{name} is not a folder here and could not be loaded from huggingface.co: give the folder of a model with config.json, "
            "preprocessor_config.json and model.safetensors."
        )
    missing = [file for file in ("config.json", "preprocessor_config.json") if not (folder / file).exists()]
    missing += [] if any(folder.glob("*.safetensors")) else ["model.safetensors"]
    if missing:
        return f"{name} lacks {', '.join(missing)}: save the model and its feature extractor there with save_pretrained."
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return f"{name} cannot be used as a speech model: {reason}"


def _digest(network: torch.nn.Module) -> str:
    found = hashlib.sha256()
    for key, value in sorted(network.state_dict().items()):
        found.update(key.encode())
        found.update(value.contiguous().numpy().tobytes())
    return found.hexdigest()[:16]
