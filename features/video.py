"""From video frames to face crops, and from crops to the 512 numbers of the face."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice

import cv2
import numpy as np

from features.faces import MIN_OVERLAP, Box, FaceTracker, centre_square, crop_square, cut, quarter_turns, search
from features.media import Frame, read_frames
from features.media.cuts import Cuts
from features.people import WhoseFace, seen_longest, shown_for, stretches, who_is_who

# (n, 224, 224, 3) uint8 crops → the (n, 512, 7, 7) float32 maps whose mean over space are the features.
Backbone = Callable[[np.ndarray], np.ndarray]
N_FACE = 512


def face_names(count: int) -> tuple[str, ...]:
    """Names of so many features of a face.

    >>> face_names(2)
    ('face_000', 'face_001')
    """
    return tuple(f"face_{i:03d}" for i in range(count))


FACE_NAMES = face_names(N_FACE)
_SIDES = {1: "left", 3: "right"}  # by quarters counter-clockwise
_NAMED = 4  # stretches of time in one sentence
_BLOCK = 4  # frames that are held in full at a time
_THUMBNAIL_SIDES = ((60, 640), (10**9, 320))  # up to 60 frames are kept at 640 pixels, longer clips at 320


@dataclass(frozen=True)
class VideoFeatures:
    """What the face gives, for n sampled frames.

    Attributes:
        times: float64 (n,), seconds on the clock of the recording, on which the first frame is at 0 unless its sound begins earlier.
        pictures: n uint8 (h, w, 3) frames, scaled down for display.
        picture_scale: source pixels ÷ picture pixels.
        faces: n boxes in source pixels, None where no face was found.
        squares: n squares in source pixels that were cut out, None where the frame is left out.
        crops: uint8 (n, 224, 224, 3), zeros where the frame is left out.
        maps: float32 (n, 512, 7, 7), the last convolutional maps, zeros where left out; another backbone may have another number.
        used: bool (n,), frames that count towards the mean.
        several_faces: more than one face was seen in some frame.
        numbers: which frames of the film they are, from 0.
        who: int (n,), whose face is followed, −1 where there is none; empty where nobody was asked.
        turned: degrees counter-clockwise by which a film was turned that lay on its side without a note of it.
    """

    times: np.ndarray
    pictures: list[np.ndarray]
    picture_scale: float
    faces: list[Box | None]
    squares: list[Box | None]
    crops: np.ndarray
    maps: np.ndarray
    used: np.ndarray
    several_faces: bool
    numbers: tuple[int, ...] = ()
    who: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    turned: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the numbers in :attr:`vector`."""
        return FACE_NAMES if self.maps.shape[1] == N_FACE else face_names(self.maps.shape[1])

    @property
    def fallback(self) -> bool:
        """No frame showed a face, so the centre of every frame was used."""
        return all(face is None for face in self.faces)

    @cached_property
    def vector(self) -> np.ndarray:
        """float64 (512,): mean over space and over the frames used."""
        return self.maps[self.used].mean(axis=(0, 2, 3), dtype=np.float64)

    @cached_property
    def frame_vectors(self) -> np.ndarray:
        """float64 (m, 512): the features of each frame used."""
        return self.maps[self.used].mean(axis=(2, 3), dtype=np.float64)

    def with_maps(self, maps: np.ndarray, frames: np.ndarray) -> VideoFeatures:
        """The same film with other maps (f, 512, 7, 7) in the frames (f,)."""
        changed = self.maps.copy()
        changed[frames] = maps
        return replace(self, maps=changed)


def watch(
    film: bytes,
    backbone: Backbone,
    whose: WhoseFace | None = None,
    *,
    stride: int | None = None,
    on_frame: Callable[[int], None] | None = None,
    on_end: Callable[[float], None] = lambda seconds: None,
) -> tuple[VideoFeatures, list[str]]:
    """Read the face in a film, turned upright, of the person who is seen longest; and sentences about what was done for it.

    Args:
        film: bytes of a video file.
        whose: compares faces; None takes all of them for one person.
        stride: see :func:`features.media.read_frames`.
        on_end: gets the end of the last frame, in seconds on the clock of the file.

    Raises:
        MediaError: the film cannot be used.
    """
    ends: list[float] = []
    cuts = Cuts()
    video = extract_video(read_frames(film, stride, ends.append, cuts), backbone, on_frame, whose, ends, cuts.times)
    turn = quarter_turns(video.pictures) if video.fallback else 0
    if turn:
        video = extract_video(_turned(read_frames(film, stride), turn), backbone, on_frame, whose, ends)
        video = replace(video, turned=90 * turn)
    on_end(ends[0])
    return video, [*_turn_note(turn), *_others_note(video, ends[0], cuts.times), *_cuts_note(video, cuts.times)]


def _turned(frames: Iterable[Frame], turn: int) -> Iterator[Frame]:
    return (replace(frame, rgb=np.ascontiguousarray(np.rot90(frame.rgb, turn))) for frame in frames)


def _turn_note(turn: int) -> list[str]:
    if turn == 0:
        return []
    lay, turned = ("stands on its head", "by half a turn") if turn == 2 else ("lies on its side", f"a quarter to the {_SIDES[turn]}")
    return [f"The film {lay}, and no note in the file says so: it was turned {turned}, and judged upright."]


def _others_note(video: VideoFeatures, end: float, cuts: Sequence[float]) -> list[str]:
    """Who else is seen, and when."""
    if len(video.who) == 0 or video.who.max() < 1:
        return []
    judged = int(video.who[video.used][0])
    lasts = shown_for(video.times, end)
    when = _listed([f"from {a:.1f} s to {b:.1f} s" for a, b in stretches(video.who, lasts, video.times, judged, cuts)])
    others = "Another person is" if video.who.max() == 1 else f"{video.who.max()} other people are"
    return [f"{others} seen {when}: not judged. Only the face that is seen longest was."]


def _cuts_note(video: VideoFeatures, cuts: Sequence[float]) -> list[str]:
    """That the film is cut where one person, as far as can be compared, is seen before and after."""
    if video.fallback or not cuts:
        return []
    compared = len(video.who) > 0
    seen = np.array([face is not None for face in video.faces])
    who, times = (video.who if compared else np.zeros(len(seen), int))[seen], video.times[seen]
    silent = [cut for cut in cuts if 0 < (k := int(np.searchsorted(times, cut))) < len(times) and who[k - 1] == who[k]]
    if not silent:
        return []
    same = "look like one person's, and were judged as one" if compared else "were not compared: make sure that it is one person"
    return [f"The film is cut at {_listed([f'{cut:.1f} s' for cut in silent])}: the faces before and after {same}."]


def _listed(parts: list[str]) -> str:
    return ", ".join(parts[:_NAMED]) + (f" and {len(parts) - _NAMED} times more" if len(parts) > _NAMED else "")


def extract_video(
    frames: Iterable[Frame],
    backbone: Backbone,
    on_frame: Callable[[int], None] | None = None,
    whose: WhoseFace | None = None,
    ends: Sequence[float] = (),
    cuts: Sequence[float] | None = None,
) -> VideoFeatures:
    """Follow the face through ``frames`` and run ``backbone`` on it.

    Args:
        frames: at least one frame, in order of time.
        on_frame: told the number of frames done, for progress.
        whose: compares faces; only those of the person who is seen longest are used.
        ends: holds, once the frames have been read, the seconds from the first frame to the end of the last.
        cuts: holds, once the frames have been read, when the film is cut; None where nobody looked.
    """
    tracker = FaceTracker()
    times: list[float] = []
    numbers: list[int] = []
    pictures: list[np.ndarray] = []
    faces: list[Box | None] = []
    squares: list[Box | None] = []
    crops: list[np.ndarray | None] = []
    spare: list[tuple[Box, np.ndarray]] = []  # the middle of each frame, in case no face is ever found
    scale = 1.0
    for frame, found in _searched(frames):
        face = tracker(frame.rgb, found)
        square = crop_square(face) if face else None
        times.append(frame.time)
        numbers.append(frame.index)
        scale = _keep_picture(pictures, frame)
        faces.append(face.scaled(frame.scale) if face else None)
        squares.append(square.scaled(frame.scale) if square else None)
        crops.append(cut(frame.rgb, square) if square else None)
        if not any(faces):
            whole = centre_square(*frame.rgb.shape[:2])
            spare.append((whole.scaled(frame.scale), cut(frame.rgb, whole)))
        if on_frame:
            on_frame(len(times))
    if not any(faces):
        squares, crops = [square for square, _ in spare], [crop for _, crop in spare]
        whose = None
    who = np.zeros(0, int) if whose is None else _who(crops, whose, _in_place(faces, times, cuts))
    if len(who):
        judged = seen_longest(who, shown_for(np.array(times), *ends[:1] or [times[-1]]))
        squares = [square if person == judged else None for square, person in zip(squares, who, strict=True)]
        crops = [crop if person == judged else None for crop, person in zip(crops, who, strict=True)]
    used = np.array([crop is not None for crop in crops])
    stack = np.stack([crop if crop is not None else np.zeros((224, 224, 3), np.uint8) for crop in crops])
    encoded = backbone(stack[used])
    maps = np.zeros((len(crops), *encoded.shape[1:]), np.float32)
    maps[used] = encoded
    several = tracker.most_faces > 1
    return VideoFeatures(np.array(times), pictures, scale, faces, squares, stack, maps, used, several, tuple(numbers), who)


def _who(crops: list[np.ndarray | None], whose: WhoseFace, in_place: np.ndarray) -> np.ndarray:
    """int (n,), −1 where there is no crop."""
    there = np.array([crop is not None for crop in crops])
    who = np.full(len(crops), -1)
    who[there] = who_is_who(np.stack([crop for crop in crops if crop is not None]), whose, in_place)
    return who


def _in_place(faces: list[Box | None], times: list[float], cuts: Sequence[float] | None) -> np.ndarray:
    """bool (m − 1,) for the m faces: whether each next one is where the one before is, and the film not cut in between."""
    found = [(face, time) for face, time in zip(faces, times, strict=True) if face is not None]
    pairs = zip(found, found[1:], strict=False)
    return np.array(
        [cuts is not None and a.overlap(b) >= MIN_OVERLAP and not any(s < cut <= t for cut in cuts) for (a, s), (b, t) in pairs], bool
    )


def _searched(frames: Iterable[Frame]) -> Iterator[tuple[Frame, list[Box]]]:
    """Each frame and the faces in it, two frames searched at a time: dlib uses one core for each."""
    frames = iter(frames)
    with ThreadPoolExecutor(2) as pool:
        while block := list(islice(frames, _BLOCK)):
            yield from zip(block, pool.map(lambda frame: search(frame.rgb), block), strict=True)


def _keep_picture(pictures: list[np.ndarray], frame: Frame) -> float:
    """Append a display copy of the frame; returns source ÷ picture pixels. Long clips are kept smaller."""
    side = next(side for count, side in _THUMBNAIL_SIDES if len(pictures) < count)
    if pictures and max(pictures[0].shape) > side:
        pictures[:] = [_shrink(picture, side) for picture in pictures]
    pictures.append(_shrink(frame.rgb, side))
    return frame.scale * max(frame.rgb.shape) / max(pictures[-1].shape)


def _shrink(rgb: np.ndarray, side: int) -> np.ndarray:
    factor = side / max(rgb.shape)
    if factor >= 1:
        return rgb
    size = max(1, round(rgb.shape[1] * factor)), max(1, round(rgb.shape[0] * factor))
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
