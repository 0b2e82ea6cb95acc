"""What all drawings of the board share: escaping, numbers in words, pictures as data, and one look.

The drawings are HTML for ``st.html``, which removes scripts and keeps styles. Text inherits the theme's colour, so that it is read in
light and in dark; a class begins with ``em-``, since these styles hold for the whole page.
"""

from __future__ import annotations

import base64
import html

import cv2
import numpy as np

RED = "#D1242F"
QUALITY = 80
_FAINT = {True: 0.55, False: 1.0}
_STRUCK_OPACITY = 0.45


def escaped(text: str) -> str:
    """Text as it may stand in HTML, in attributes too."""
    return html.escape(text, quote=True)


def percent(share: float) -> str:
    """A probability as whole percents; what is neither none nor all is never called so.

    >>> percent(0.62), percent(0.003), percent(0.999)
    ('62 %', '<1 %', '>99 %')
    """
    if share <= 0.005:
        return "<1 %"
    return ">99 %" if share >= 0.995 else f"{100 * share:.0f} %"


def signed(value: float, digits: int) -> str:
    """A number with its sign; what rounds to zero has none.

    >>> signed(3.14, 1), signed(-0.5, 2), signed(-0.01, 1)
    ('+3.1', '−0.50', '0.0')
    """
    text = f"{abs(value):.{digits}f}"
    if float(text) == 0:
        return text
    return ("+" if value > 0 else "−") + text


def as_jpeg(picture: np.ndarray, longest: int | None = None) -> str:
    """uint8 rgb (h, w, 3) → the address of a JPEG that holds itself, shrunk until no side is longer than ``longest`` pixels."""
    height, width = picture.shape[:2]
    scale = 1.0 if longest is None else min(1.0, longest / max(height, width))
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1]
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode()


def opacity(struck: bool, faint: bool) -> float:
    """How strongly a picture is drawn: less if it is not checked yet, least if it failed."""
    return _STRUCK_OPACITY if struck else _FAINT[faint]


def state(struck: bool, faint: bool) -> str:
    """What the line and the faintness say to eyes, for a text alternative."""
    return " (struck through)" if struck else " (faint)" if faint else ""


def strike(struck: bool) -> str:
    """A red line from corner to corner of the box it lies in, or nothing. A gradient, since ``st.html`` removes SVG."""
    if not struck:
        return ""
    stops = f"transparent calc(50% - 2px),{RED} calc(50% - 1px),{RED} calc(50% + 1px),transparent calc(50% + 2px)"
    box = "position:absolute;inset:0;pointer-events:none;print-color-adjust:exact"
    return f'<div class="em-strike" aria-hidden="true" style="{box};background:linear-gradient(to bottom right,{stops})"></div>'
