"""Bring your own: how a model of somebody else is chosen and explained here, in three steps."""

from __future__ import annotations

import json

import streamlit as st

from features import SPACE
from models.foreign.catalogue import ENDING, FOLDER, refused_files, wrong_folder
from models.labels import LABELS
from models.networks import ModelError
from pages.components.models.own import is_local, keep_model, uploaded
from pages.components.session.keys import Key
from pages.components.session.queue import the_queue

EXAMPLE = {
    "title": "My voice model",
    "input": "samples",
    "output": "logits",
    "labels": {"anger": "angry", "joy": "happy", "neutral": "neutral", "contempt": None},
}
_INPUTS = f"""
| `input` | what the model is given | shape |
|---|---|---|
| `samples` | the voice: one channel, 16,000 samples a second, float32 from −1 to 1 | (n, length), free, also one second |
| `faces` | one crop of the face at a time: RGB, float32 from 0 to 1 (or uint8); its answers are averaged | (n, 3, 224, 224) |
| `features` | the {len(SPACE)} numbers of this page's own models, raw; standardised if `mean` and `std` are given | (n, {len(SPACE)}) |
"""
_MORE = f"""
- `labels`: every output in its order, and which of {", ".join(LABELS)} it stands for. `null`: none of them; what the model gives
  to it is shared out among the others.
- `output`: `logits` or `probabilities`.
- For `features`: `missing`, the {len(SPACE)} numbers (or one for all) that stand for a voice or a face that is missing. Without it:
  the average of the clips that this page knows.
- `what`, `trained_on`, `licence`: texts for the card.
"""


def show_bring_your_own(name: str) -> None:
    """The steps, the upload where it is allowed, and what could not be taken."""
    st.markdown("## 1 · Save the model as an ONNX file")
    st.markdown(
        "`torch.onnx.export(…, external_data=False)` and `skl2onnx` write one; CONTRIBUTING.md has the lines for each. It needs one input, "
        "of one of these shapes (n may be fixed to 1), and its first output must have one number for each label. Both are tried when the "
        f"model is chosen:\n{_INPUTS}"
    )
    st.markdown("## 2 · Say what its outputs stand for")
    st.markdown(f"In a JSON file with the same name beside it: `mine{ENDING}` and `mine.json`.")
    st.code(json.dumps(EXAMPLE, indent=2), language=None)
    st.download_button(
        "Example (JSON)",
        lambda: json.dumps(EXAMPLE, indent=2),
        "mine.json",
        "application/json",
        key=Key.DOWNLOAD_SIDECAR,
        on_click="ignore",
        icon=":material/download:",
    )
    with st.expander("All that can stand in it"):
        st.markdown(_MORE)
    st.markdown("## 3 · Choose it")
    st.markdown(
        f"Start EmoLens with the variable `{FOLDER}` set to the folder in which both files lie: the model is in the list at the top of "
        f"every page, and `python -m xai … --model mine{ENDING}` knows it."
    )
    _upload()
    if wrong_folder():
        st.warning(f"The variable `{FOLDER}` names no folder that is there: give it the path of one.", icon=":material/block:")
    for file, reason in refused_files().items():
        st.warning(f"`{file}` cannot be offered: {reason}", icon=":material/block:")
    _what_to_expect()


def _upload() -> None:
    if not is_local():
        st.caption("On a server that others reach, no model can be uploaded. Started with `--server.address 127.0.0.1` it can.")
        return
    files = st.file_uploader(
        "Or give both files here: they stay in this session",
        [ENDING, ".json"],
        accept_multiple_files=True,
        key=Key.OWN_FILES,
        max_upload_size=None,
    )
    given = {file.name.rpartition(".")[2].lower(): file for file in files}
    if {"onnx", "json"} <= given.keys():
        st.button("Take this model", key=Key.TAKE_MODEL, on_click=_take, args=(given["onnx"], given["json"]), icon=":material/add:")
    elif given:
        st.caption("Both are needed: the ONNX file and its JSON.")
    if reason := st.session_state.get(Key.OWN_REFUSED):
        st.error(reason, icon=":material/block:")
    for name, model in uploaded().items():
        st.caption(f":material/check: **{model.spec.title}** (`{name}`) is in the list at the top until this page is closed.")


def _take(file, sidecar) -> None:
    """Keep it and choose it, or say why not."""
    from models.foreign.reading import model_from

    st.session_state[Key.OWN_REFUSED] = None
    try:
        with the_queue().turn():
            model = model_from(file.getvalue(), sidecar.getvalue(), file.name)
    except ModelError as error:
        st.session_state[Key.OWN_REFUSED] = str(error)
        return
    keep_model(model)
    st.session_state[Key.MODEL] = model.name


def _what_to_expect() -> None:
    st.markdown(
        "**What is explained.** Everything that asks the model itself: Occlusion and RISE on the face, LIME or Occlusion in the "
        "sound, Shapley sampling of features, the split between voice and face, what if, the smallest change, the curve over time. "
        "What follows gradients (Grad-CAM, SHAP's expected gradients) is left out, and so is the check that scrambles weights. How "
        "often it is right is not known here, nor what it has learned from: go by its maker's figures."
    )
    st.markdown(
        "**Other ways.** A pretrained speech model of Hugging Face (wav2vec 2.0, HuBERT, WavLM) becomes the ear of a new model: "
        "`pip install -r requirements-transformers.txt`, then `python -m models.train --data RAVDESS --model whisper-tokens "
        "--voice-encoder PATH-OR-ID --out own --results own/results`. "
        "A speech classifier of Hugging Face is the voice beside *Face only* where a JSON file in the same folder describes it: "
        '`{"kind": "huggingface", "model": PATH-OR-ID, "labels": {"ang": "angry", …}}`. '
        "The video network R3D-18 looks at the face in training with `--model face --backbone r3d_18 --ferplus 0 --out own --results "
        "own/results`. CONTRIBUTING.md has the steps of all of these."
    )
