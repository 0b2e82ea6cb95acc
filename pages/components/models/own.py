"""Models that a visitor brings along: those in the folder of this server, and those that were uploaded in this session alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from models.foreign.catalogue import offered_models, with_others
from models.registry import MODELS, Description
from pages.components.session.keys import Key

if TYPE_CHECKING:
    from models.model import EmotionModel

_MOST = 2  # uploads that are kept
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_local() -> bool:
    """Whether no other computer reaches this server, by its address or because ``EMOLENS_LOCAL`` is set: only then is a model taken."""
    return bool(os.environ.get("EMOLENS_LOCAL")) or st.get_option("server.address") in _LOOPBACK


def offered() -> Mapping[str, Description]:
    """By name, all models that this visitor can choose."""
    found = offered_models()
    if not uploaded():
        return found
    brought = {name: described for name, described in found.items() if name not in MODELS}
    return with_others(brought | {name: model.spec for name, model in uploaded().items()})


def model_named(name: str) -> EmotionModel:
    """One of :func:`offered`.

    Raises:
        ModelError: it was brought along, and cannot be used.
    """
    from models.checkpoint import load_model

    own = uploaded()
    return own[name] if name in own else load_model(name)


def uploaded() -> dict[str, EmotionModel]:
    """In this session only, and gone with it."""
    return st.session_state.setdefault(Key.OWN_MODELS, {})


def keep_model(model: EmotionModel) -> None:
    """And drop the oldest beyond the limit."""
    kept = uploaded()
    kept.pop(model.name, None)
    kept[model.name] = model
    while len(kept) > _MOST:
        del kept[next(iter(kept))]
