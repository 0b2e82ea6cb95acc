"""What EmoLens is for, what it is not for, and what happens to a recording."""

import streamlit as st

from pages.components.session.bar import top_bar
from pages.components.session.entry import require_app

require_app(__file__)
top_bar()
st.title("About and limits")
st.markdown(
    """
EmoLens shows *why* an audio-visual classifier named an emotion. It is made for looking into models, in teaching,
research and supervision.

## What it must not be used for
- **It does not read minds.** The model recognises emotions that actors *portray*. What somebody feels may be another matter.
- **It is not a diagnostic tool** and has no clinical validity. Do not base decisions about a person on it.
- It must not be used to judge people at work, in school, in court or at a border.

## What it learned from, and so where it fails
- Voices of 24 professional actors speaking two sentences in North American English
  ([RAVDESS](https://doi.org/10.1371/journal.pone.0196391), CC BY-NC-SA 4.0), and the moving faces of only two of them, both men.
- Photographs of faces ([FER+](https://arxiv.org/abs/1608.01041)), labelled by ten people each, who often disagreed.
- Other languages, children, real conversations, masks, side views and groups were not in it.
- Go by the figures of *actors left out* on the page **Models**: they come from people who were not in its training. Others are shown
  beside them, and say so.

## What happens to a recording
- It is decoded in the memory of the server that runs this page. It is not written to disk, not logged, not sent on.
- Recordings and your last three analyses stay in your session only, so that you can look at another page and come back. They are
  gone when you close or reload the page.
- Checks run on the same server beside your page. They stop when you ask for something else, and soon after you close the page.
- Downloads are made at the moment you ask for them.
- The address of the page holds what you chose (a sample, the model, the emotion, a tab), so that a link shows a sample in the same way.
  It never holds your recording or its name.

If recordings must not leave your house, run EmoLens on your own computer: the README has the one command.

## Whose samples these are
- The five filmed samples are cut from [RAVDESS](https://doi.org/10.1371/journal.pone.0196391) (Livingstone & Russo 2018) and encoded anew;
  for *Two people*, two clips were put side by side. As RAVDESS, they are licensed under
  [CC BY-NC-SA 4.0](https://creativecommons.org/licenses/by-nc-sa/4.0/): name the source, no commercial use, share alike.
- The default model has learned from recordings of the same two actors, from these among them: what it says about them is no measure of
  how well it does on people whom it has not met.
- *Nobody there* is synthetic: a portrait of Eileen Collins (NASA, public domain), moved by a script, and the voice of eSpeak NG.

## How to cite
Cite the methods you show: Grad-CAM (Selvaraju et al. 2017), LayerCAM (Jiang et al. 2021), Occlusion (Zeiler & Fergus 2014), LIME
(Ribeiro et al. 2016), SHAP (Lundberg & Lee 2017), expected gradients (Erion et al. 2021); the page *How it works* names the others.
Cite RAVDESS (Livingstone & Russo 2018) and FER+ (Barsoum et al. 2016) with all of them.
`result.json` holds the checkpoint's hash, the seed and the settings, so that a result can be made again.
"""
)
