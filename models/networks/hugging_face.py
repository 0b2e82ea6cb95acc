"""Speech models of Hugging Face's ``transformers``, from a folder or by name: no code of theirs runs, and nothing is unpickled.

The package is an extra (``requirements-transformers.txt``) and is imported when such a model is first asked for.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from features.log_mel import RATE
from models.networks import ModelError

_MISSING = "This model needs the package transformers: pip install -r requirements-transformers.txt"
_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_UNUSED = "masked_spec_embed"  # stands for what is masked in pretraining: many checkpoints lack it
_PATIENCE = 5.0  # seconds for the hub's first answer


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
        ModelError: ``transformers`` is missing, there is no such model, its weights are not ``safetensors`` or not all there, or it reads
            another rate.
    """
    try:
        library = import_module("transformers")
    except ImportError as error:
        raise ModelError(_MISSING) from error
    if not Path(name).is_dir() and not _NAME.fullmatch(name):
        raise ModelError(
            f"{name} is not a folder here: give that of a model (config.json, preprocessor_config.json, model.safetensors), or its name on "
            "huggingface.co, such as microsoft/wavlm-base."
        )
    try:
        with _quietly(library):
            extractor, network, missing = _loaded(library, name, kind)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(_why(name, error)) from error
    if missing:
        raise ModelError(_incomplete(name, network, missing))
    if getattr(extractor, "sampling_rate", None) != RATE:
        raise ModelError(
            f"{name} does not read sound at {RATE / 1000:.0f} kHz: choose a speech model such as wav2vec 2.0, HuBERT or WavLM."
        )
    return SpeechModel(network.eval().requires_grad_(False), extractor, _digest(network))


def _loaded(library: Any, name: str, kind: str) -> tuple[Any, Any, list[str]]:
    """Feature extractor, network, and the names of weights that are missing: from the disk if it is there, else from the hub."""
    safe = {"trust_remote_code": False, "local_files_only": True}
    try:
        return _parts(library, name, kind, safe)
    except OSError:
        if Path(name).is_dir() or not _hub_answers():
            raise
    import_module("huggingface_hub").utils.enable_progress_bars()  # a download takes minutes
    return _parts(library, name, kind, safe | {"local_files_only": False})


def _parts(library: Any, name: str, kind: str, options: dict[str, bool]) -> tuple[Any, Any, list[str]]:
    extractor = library.AutoFeatureExtractor.from_pretrained(name, **options)
    network, found = getattr(library, kind).from_pretrained(
        name, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **options
    )
    return extractor, network, sorted(key for key in found["missing_keys"] if not key.endswith(_UNUSED))


def _hub_answers() -> bool:
    """Whether there is a way to the hub: its library tries for a minute before it gives up."""
    hub = import_module("huggingface_hub")
    try:
        hub.get_session().head(hub.constants.ENDPOINT, timeout=_PATIENCE)
    except Exception:  # the library that it asks with has changed its name, and its errors
        return False
    return True


@contextmanager
def _quietly(library: Any) -> Iterator[None]:
    """Without bars and reports on stderr: what is wrong is said in a sentence."""
    hub = import_module("huggingface_hub").logging
    loggers = [(own, own.get_verbosity()) for own in (library.logging, hub)]
    bars = library.logging.is_progress_bar_enabled()
    for own, _ in loggers:
        own.set_verbosity_error()
    library.logging.disable_progress_bar()
    try:
        yield
    finally:
        for own, verbosity in loggers:
            own.set_verbosity(verbosity)
        if bars:
            library.logging.enable_progress_bar()


def _incomplete(name: str, network: Any, missing: list[str]) -> str:
    """What to do about weights that are not in the file: drawn at random they would answer all the same."""
    encoder = network.base_model_prefix
    if hasattr(network, encoder) and not any(key.startswith(f"{encoder}.") for key in missing):
        advice = "give one that was trained for emotions; an encoder alone is a --voice-encoder in training"
        return f"{name} holds no trained classifier: {advice}."
    listed = ", ".join(missing[:2]) + (", …" if len(missing) > 2 else "")
    return f"{name} lacks weights ({listed}): save the whole model there with save_pretrained."


def _why(name: str, error: Exception) -> str:
    """One sentence for what ``transformers`` explains in several."""
    folder = Path(name)
    if not folder.is_dir():
        return (
            f"{name} is not a folder here and could not be loaded from huggingface.co: give the folder of a model with config.json, "
            "preprocessor_config.json and model.safetensors, or another name."
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
