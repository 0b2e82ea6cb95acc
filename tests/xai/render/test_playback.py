"""What a browser is given to play: the same pictures and the analysed voice, at the same times as in the analysis."""

import contextlib
import io
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from features import media
from features.audio import RATE
from features.media import MediaError, open_video, read_frames, read_sound, shown_frames, upright
from tests.conftest import encode_video
from tests.films import film
from xai.render import playback
from xai.render.playback import make_playback

RNG = np.random.default_rng(0)
VOICE = np.convolve(RNG.normal(0, 0.2, 2 * RATE), np.hanning(16) / 8, "same").astype(np.float32)  # below what AAC cuts off


def numbered(count: int = 45, height: int = 96, width: int = 128) -> list[np.ndarray]:
    """Frames that tell their number in bars from left to right, with a red lower left: turned or mirrored, they differ."""
    out = []
    for number in range(count):
        picture = np.zeros((height, width, 3), np.uint8)
        for bit in range(6):
            if number >> bit & 1:
                picture[: height // 2, bit * width // 6 : (bit + 1) * width // 6] = 255
        picture[height * 3 // 4 :, : width // 2] = (200, 30, 30)
        out.append(picture)
    return out


def encoded(pictures, container: str = "mp4", pix_fmt: str = "yuv420p", fps: int = 30, metadata=(), **options) -> bytes:
    """H.264 with B-frames."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as out:
        out.metadata.update(metadata)
        stream = out.add_stream("libx264", rate=fps, options={"g": "12", "bf": "2", "crf": "12"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pix_fmt
        for name, value in options.items():
            setattr(stream.codec_context, name, value)
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return buffer.getvalue()


def packets_again(data: bytes, turn: int = 0, shift: int = 0) -> bytes:
    """The same packets, turned, or with time stamps ``shift`` frames of 30 a second later; before zero, an edit list cuts them."""
    buffer = io.BytesIO()
    with av.open(io.BytesIO(data)) as container, av.open(buffer, "w", format="mp4") as out:
        source = container.streams.video[0]
        stream = out.add_stream_from_template(source)
        stream.set_display_rotation(turn)
        for packet in container.demux(source):
            if packet.dts is None:
                continue
            step = round(shift / 30 / packet.time_base)
            packet.pts, packet.dts, packet.stream = packet.pts + step, packet.dts + step, stream
            out.mux(packet)
    return buffer.getvalue()


def shown(data: bytes) -> tuple[np.ndarray, list[np.ndarray]]:
    """Times and upright pictures of all frames, as the analysis sees them."""
    with open_video(data) as (container, stream):
        frames = [upright(frame, index, time, stream.sample_aspect_ratio) for index, time, frame in shown_frames(container, stream)]
    return np.array([frame.time for frame in frames]), [frame.rgb for frame in frames]


def absolute_start(data: bytes) -> float:
    """Time of the first frame on the file's own clock."""
    with av.open(io.BytesIO(data)) as container:
        return next(container.decode(video=0)).time


def check_same_pictures(source: bytes, result: bytes, tolerance: float) -> None:
    times, pictures = shown(source)
    played_times, played = shown(result)
    assert absolute_start(result) == 0.0
    assert_allclose(played_times, times, atol=1e-3)
    for one, other in zip(pictures, played, strict=True):
        assert one.shape == other.shape
        assert np.abs(one.astype(int) - other).mean() < tolerance


def delay(original: np.ndarray, played: np.ndarray) -> float:
    """Seconds by which ``played`` is late, where the two are most alike."""
    size = len(original) + len(played)
    alike = np.fft.irfft(np.fft.rfft(played, size) * np.conj(np.fft.rfft(original, size)))
    late = int(alike.argmax())
    return (late if late < len(played) else late - len(alike)) / RATE


def test_h264_is_copied_with_the_analysed_voice():
    source = encode_video(numbered(), sound=np.sin(np.arange(RATE)))
    result = make_playback(source, VOICE)
    assert (result.copied, result.mime) == (True, "video/mp4")
    check_same_pictures(source, result.data, 1e-9)
    sound = read_sound(result.data)
    assert sound.rate == RATE
    assert abs(delay(VOICE, sound.samples[:, 0])) < 0.005
    assert np.corrcoef(VOICE, sound.samples[: len(VOICE), 0])[0, 1] > 0.98
    assert result.seconds == pytest.approx(2.0, abs=0.05)


def test_the_voice_alone_and_the_face_alone():
    voice = make_playback(None, VOICE)
    assert voice.mime == "audio/mp4"
    assert voice.seconds == pytest.approx(2.0, abs=0.05)
    assert abs(delay(VOICE, read_sound(voice.data).samples[:, 0])) < 0.005
    face = make_playback(encode_video(numbered(), sound=VOICE), None)
    assert face.seconds == pytest.approx(1.5, abs=0.01)
    assert not media.has_sound(face.data)
    with pytest.raises(MediaError):
        make_playback(None, None)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("copied", [True, False])
def test_a_turned_video_stays_upright(turn, copied, monkeypatch):
    source = packets_again(encoded(numbered()), turn)
    if not copied:
        monkeypatch.setattr(playback, "COPY_SIDE", 16)
    result = make_playback(source, None)
    assert result.copied == copied
    check_same_pictures(source, result.data, 4.0)


@pytest.mark.parametrize(("shift", "copied"), [(0, True), (60, True), (-20, False)])
def test_zero_is_the_first_frame_of_the_analysis(shift, copied):
    """Clocks that begin late, and edit lists that cut the beginning off in the middle of a group of pictures."""
    source = packets_again(encoded(numbered()), shift=shift)
    result = make_playback(source, VOICE)
    assert result.copied == copied
    assert len(shown(source)[0]) == (45 if shift >= 0 else 25)
    check_same_pictures(source, result.data, 4.0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: encode_video(numbered(), container="webm", codec="libvpx-vp9"),
        lambda: encode_video(numbered(), container="avi", codec="mpeg4"),
        lambda: encoded(numbered(), "matroska"),
        lambda: encoded(numbered(), pix_fmt="yuv444p"),
        lambda: encoded(numbered(), pix_fmt="yuv420p10le"),
        lambda: encoded(numbered(), sample_aspect_ratio=2),
    ],
    ids=["vp9", "mpeg4", "matroska", "yuv444", "10 bit", "wide pixels"],
)
def test_what_not_every_browser_plays_is_encoded_anew(make):
    source = make()
    result = make_playback(source, VOICE)
    assert not result.copied
    check_same_pictures(source, result.data, 6.0)
    with av.open(io.BytesIO(result.data)) as made:
        assert (made.streams.video[0].codec_context.name, made.streams.video[0].codec_context.pix_fmt) == ("h264", "yuv420p")


@pytest.mark.parametrize(("height", "width", "expected"), [(810, 1440, (360, 640)), (97, 129, (96, 128)), (1440, 80, (640, 36))])
def test_large_and_odd_pictures_become_small_and_even(height, width, expected):
    source = encoded(numbered(8, height, width), pix_fmt="yuv444p" if height % 2 else "yuv420p")
    _, pictures = shown(make_playback(source, None).data)
    assert {picture.shape[:2] for picture in pictures} == {expected}


def test_no_more_frames_a_second_than_needed():
    source = encoded(numbered(60), fps=120, pix_fmt="yuv444p")
    times, _ = shown(make_playback(source, None).data)
    assert_allclose(np.diff(times), 1 / 30, atol=1e-3)


def test_what_is_too_much_to_copy_is_encoded_anew(monkeypatch):
    source = encoded(numbered())
    monkeypatch.setattr(playback, "COPY_BYTES", len(source) - 1)
    assert not make_playback(source, None).copied


def test_no_name_or_place_is_passed_on():
    source = encoded(numbered(), metadata={"title": "Jane Doe's session", "location": "+48.2082+016.3738/"})
    assert b"Jane Doe" in source
    result = make_playback(source, VOICE)
    assert result.copied
    assert b"Jane Doe" not in result.data
    assert b"48.2082" not in result.data


def test_too_long_gets_a_sentence(monkeypatch):
    monkeypatch.setattr(playback, "MAX_SECONDS", 1.0)
    with pytest.raises(MediaError, match="longer"):
        make_playback(encoded(numbered()), None)


SOURCE = encoded(numbered(20))


@pytest.mark.parametrize("junk", [b"", b"junk", b"\0" * 4096, b"RIFF" + b"\xff" * 100, b"#EXTM3U\nfile:///etc/passwd\n"])
def test_junk_gets_a_sentence(junk):
    with pytest.raises(MediaError):
        make_playback(junk, VOICE)


def plays_or_says_why(data: bytes) -> None:
    with contextlib.suppress(MediaError):
        shown(make_playback(data, None).data)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("container", ["mp4", "matroska"])
def test_a_truncated_video_plays_or_gets_a_sentence(share, container):
    data = encoded(numbered(20), container)
    plays_or_says_why(data[: int(share * len(data))])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SOURCE) - 1), st.integers(0, 255)), min_size=1, max_size=30))
def test_flipped_bytes_never_crash(flips):
    data = bytearray(SOURCE)
    for place, value in flips:
        data[place] = value
    plays_or_says_why(bytes(data))


def test_a_real_clip(clips):
    wav, video = clips[2]
    sound = read_sound(wav)
    from features.audio import to_mono

    samples = to_mono(sound.samples, sound.rate)
    result = make_playback(video, samples)
    assert result.copied
    assert result.seconds == pytest.approx(len(samples) / RATE, abs=0.05)
    assert abs(delay(samples, read_sound(result.data).samples[:, 0])) < 0.005


def test_a_voice_that_starts_late_is_played_late():
    source = film([(np.zeros(8000), 1.5)], 60, codec="libx264", container="mp4", sound_codec="aac", bf="0")
    result = make_playback(source, VOICE, 1.5)
    assert result.copied
    sound = read_sound(result.data)
    assert sound.start + delay(VOICE, sound.samples[:, 0]) == pytest.approx(1.5, abs=0.005)


@pytest.mark.parametrize("copied", [True, False])
def test_a_picture_that_starts_late_is_played_late(copied, monkeypatch):
    source = film([(np.zeros(16_000), 0.0)], 30, start=0.8, codec="libx264", container="mp4", sound_codec="aac", bf="0")
    if not copied:
        monkeypatch.setattr(playback, "COPY_SIDE", 16)
    result = make_playback(source, VOICE, 0.0)
    assert result.copied == copied
    wanted, found = ([frame.time for frame in read_frames(data, 1)] for data in (source, result.data))
    assert wanted[0] == pytest.approx(0.8, abs=0.05)
    assert_allclose(found, wanted, atol=0.03)  # AAC begins a block earlier
    assert abs(delay(VOICE, read_sound(result.data).samples[:, 0])) < 0.03


def test_pictures_stored_out_of_order_are_all_played():
    source = film([], 40, container="avi", codec="libx264", bf="3")
    assert_allclose(shown(make_playback(source, None).data)[0], np.arange(40) / 25, atol=1e-3)
