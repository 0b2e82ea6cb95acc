"""Make the sample clip: ``python -m pages.sample.make``. Synthetic: nobody was recorded.

The face is scikit-image's ``astronaut`` (Eileen Collins, NASA, public domain), moved a little, its mouth opened with
the loudness of the voice. The voice is eSpeak NG's (the programme ``espeak-ng`` must be installed; it is needed only here).
"""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import av
import cv2
import numpy as np
import soundfile

HERE = Path(__file__).parent
TEXT = "It is so good to see you! Everything went well, and we are all back home!"
FPS, SIZE = 25, (640, 480)
MOUTH = (223.0, 160.0)  # centre of the mouth in the portrait, in pixels


def main() -> None:
    voice, rate = synthesise(TEXT)
    soundfile.write(HERE / "sample.wav", voice, rate, subtype="PCM_16")
    write_video(HERE / "sample.mp4", voice, rate)
    for name in ("sample.wav", "sample.mp4"):
        print(name, (HERE / name).stat().st_size // 1000, "kB")


def synthesise(text: str) -> tuple[np.ndarray, int]:
    """Speak ``text``: float32 mono and its rate."""
    command = ["espeak-ng", "-v", "en-us+f3", "-p", "70", "-s", "165", "--stdout", text]
    wav = subprocess.run(command, check=True, capture_output=True).stdout
    return soundfile.read(io.BytesIO(wav), dtype="float32")


def write_video(path: Path, voice: np.ndarray, rate: int) -> None:
    """A moving portrait as silent H.264, as long as the voice."""
    from skimage.data import astronaut

    portrait = astronaut()
    count = int(len(voice) / rate * FPS)
    loudness = _loudness(voice, rate, count)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "27", "preset": "veryslow"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(_pose(portrait, index / FPS, loudness[index]), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _loudness(voice: np.ndarray, rate: int, count: int) -> np.ndarray:
    """(count,) level of each video frame, 0 to 1, smoothed as a mouth would."""
    level = np.array([np.sqrt(np.mean(part**2)) for part in np.array_split(voice, count)])
    return np.convolve(level / level.max(), [0.25, 0.5, 0.25], "same")


def _pose(portrait: np.ndarray, seconds: float, loudness: float) -> np.ndarray:
    opened = _open_mouth(portrait, loudness)
    matrix = cv2.getRotationMatrix2D((224, 130), 3.0 * np.sin(1.3 * seconds), 1.55 + 0.05 * np.sin(0.8 * seconds))
    matrix[:, 2] += np.array([SIZE[0] / 2 - 224 + 8 * np.sin(0.9 * seconds), 185 - 130 + 4 * np.sin(1.7 * seconds)])
    return cv2.warpAffine(opened, matrix, SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def _open_mouth(portrait: np.ndarray, amount: float) -> np.ndarray:
    """Pull what lies below the lips down, most at their middle."""
    height, width = portrait.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    reach = np.exp(-(((x - MOUTH[0]) / 26) ** 2) - ((y - MOUTH[1] - 8) / 20) ** 2)
    return cv2.remap(portrait, x, y - np.float32(7 * amount) * reach * (y > MOUTH[1] - 3), cv2.INTER_LINEAR)


if __name__ == "__main__":
    main()
