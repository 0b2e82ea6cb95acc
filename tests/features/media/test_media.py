"""Decoding: every container, honest refusals, limits before memory."""

import contextlib
import io

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from features.media import MediaError, has_picture, has_sound, limits, read_frames, read_sound
from tests.conftest import encode_video, tone, wav


def pictures(count: int, height: int = 96, width: int = 128):
    """Frames of one grey level each, so that a frame tells its own number."""
    return [np.full((height, width, 3), 2 * i, np.uint8) for i in range(count)]


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("rate", [8000, 44_100, 192_000])
def test_every_wav(subtype, rate):
    samples = np.stack([tone(0.2, 300, rate), -tone(0.2, 300, rate)], axis=1)
    sound = read_sound(wav(samples, rate, subtype))
    assert sound.rate == rate
    assert_allclose(sound.samples, samples, atol=2**-7)


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp4", "libx264"), ("mov", "libx264"), ("matroska", "libx264"), ("webm", "libvpx-vp9"), ("avi", "mpeg4"), ("flv", "flv1")],
)
def test_every_container_gives_every_30th_frame(container, codec):
    data = encode_video(pictures(65), container=container, codec=codec)
    frames = list(read_frames(data))
    assert [f.index for f in frames] == [0, 30, 60]
    assert_allclose([f.time for f in frames], [0, 1, 2], atol=0.05)
    assert_allclose([f.rgb.mean() for f in frames], [0, 60, 120], atol=4)
    assert frames[0].rgb.shape == (96, 128, 3)


def test_colours_are_rgb():
    red = np.zeros((64, 64, 3), np.uint8)
    red[..., 0] = 200
    (frame,) = read_frames(encode_video([red]))
    assert frame.rgb[..., 0].mean() > 150
    assert frame.rgb[..., 1:].max() < 60


def test_a_large_picture_is_decoded_smaller_and_says_so():
    (frame,) = read_frames(encode_video(pictures(1, 1440, 2560)))
    assert frame.rgb.shape == (720, 1280, 3)
    assert frame.scale == 2.0


def test_sound_of_a_video():
    with_sound = encode_video(pictures(30), sound=tone(1.0))
    assert has_sound(with_sound)
    sound = read_sound(with_sound)
    assert sound.rate == 22_050
    assert abs(sound.seconds - 1.0) < 0.1
    spectrum = np.abs(np.fft.rfft(sound.samples[:, 0]))
    assert abs(spectrum.argmax() / sound.seconds - 440) < 5


@pytest.mark.parametrize("container", ["mp4", "mpegts", "matroska"])
def test_no_picture_is_decoded_for_the_sound(container, monkeypatch):
    """Though nothing but the stream itself tells what is in it, as in MPEG-TS."""
    data = encode_video(pictures(30), container=container, sound=tone(1.0))
    sound = read_sound(data)
    options: list[dict] = []
    opened = av.open
    monkeypatch.setattr(av, "open", lambda *a, **k: options.append(k["options"]) or opened(*a, **{**k, "options": {}}))
    assert np.array_equal(sound.samples, read_sound(data).samples)
    assert {each["skip_frame"] for each in options} == {"all"}


@pytest.mark.parametrize("encoded", [lambda x: wav(x), lambda x: encode_video(pictures(90), sound=x)])
def test_the_beginning_is_the_beginning_of_the_whole(encoded):
    data = encoded(tone(3.0))
    whole, start = read_sound(data), read_sound(data, first=1.0)
    assert 1.0 <= start.seconds < 1.2
    assert np.array_equal(start.samples, whole.samples[: len(start.samples)])


# By extension: container, sound and picture as they are usual in it; the files of phones, camcorders and Windows among them.
KINDS = {
    "wav": ("wav", "pcm_s16le", None),
    "flac": ("flac", "flac", None),
    "mp3": ("mp3", "libmp3lame", None),
    "ogg": ("ogg", "libopus", None),
    "opus": ("opus", "libopus", None),
    "m4a": ("ipod", "aac", None),
    "aac": ("adts", "aac", None),
    "aiff": ("aiff", "pcm_s16be", None),
    "caf": ("caf", "alac", None),
    "wma": ("asf", "wmav2", None),
    "amr": ("amr", "libopencore_amrnb", None),
    "weba": ("webm", "libopus", None),
    "mka": ("matroska", "libmp3lame", None),
    "mp2": ("mp2", "mp2", None),
    "w64": ("w64", "pcm_s16le", None),
    "mp4": ("mp4", "aac", "libx264"),
    "mov": ("mov", "aac", "libx264"),
    "webm": ("webm", "libopus", "libvpx-vp9"),
    "mkv": ("matroska", "libopus", "libx264"),
    "avi": ("avi", "libmp3lame", "mpeg4"),
    "flv": ("flv", "libmp3lame", "flv1"),
    "m4v": ("ipod", "aac", "libx264"),
    "3gp": ("3gp", "libopencore_amrnb", "h263"),
    "mts": ("mpegts", "ac3", "libx264"),
    "wmv": ("asf", "wmav2", "wmv2"),
    "mpg": ("mpeg", "mp2", "mpeg2video"),
    "3g2": ("3g2", "aac", "h263"),
    "ts": ("mpegts", "aac", "libx264"),
    "vob": ("vob", "ac3", "mpeg2video"),
    "ogv": ("ogg", "libopus", "libvpx"),
}


def encode_as(kind: str) -> bytes:
    """Just over a second of 440 Hz, and pictures that tell their number where this kind of file has pictures."""
    container, sound, picture = KINDS[kind]
    for codec in filter(None, (sound, picture)):
        try:
            av.Codec(codec, "w")
        except av.FFmpegError:
            pytest.skip(f"FFmpeg as it is installed here cannot encode {codec}")
    rate = {"3gp": 8000, "amr": 8000, "flv": 44_100}.get(kind, 48_000)
    samples = av.AudioFrame.from_ndarray(tone(1.1, rate=rate)[None].astype(np.float32), format="fltp", layout="mono")
    samples.rate = rate
    buffer = io.BytesIO()
    # A camcorder's packets have 192 bytes.
    with av.open(buffer, "w", format=container, options={"mpegts_m2ts_mode": "1"} if kind == "mts" else {}) as out:
        track = out.add_stream(sound, rate=rate, layout="mono", bit_rate=12_200 if rate == 8000 else 64_000)
        if picture is not None:
            film = out.add_stream(picture, rate=30, width=176, height=144, pix_fmt="yuv420p")
            for each in pictures(33, 144, 176):
                out.mux(film.encode(av.VideoFrame.from_ndarray(each, format="rgb24")))
            out.mux(film.encode())
        out.mux(track.encode(samples))
        out.mux(track.encode())
    return buffer.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_in_every_kind_of_file(kind):
    data = encode_as(kind)
    assert has_sound(data)
    sound = read_sound(data)
    assert abs(sound.seconds - 1.1) < 0.1
    assert abs(np.abs(np.fft.rfft(sound.samples[:, 0])).argmax() / sound.seconds - 440) < 5
    assert has_picture(data) == (KINDS[kind][2] is not None)
    if has_picture(data):
        frames = list(read_frames(data))
        assert [f.index for f in frames] == [0, 30]
        assert_allclose([f.rgb.mean() for f in frames], [0, 60], atol=4)


@pytest.mark.parametrize(("kind", "container"), [("mp3", "mp3"), ("flac", "flac"), ("m4a", "mp4")])
def test_a_cover_is_no_picture(kind, container):
    with av.open(io.BytesIO(encode_as(kind))) as plain:
        packets = [packet for packet in plain.demux(audio=0) if packet.dts is not None]
        covered = io.BytesIO()
        with av.open(covered, "w", format=container) as out:
            track = out.add_stream_from_template(plain.streams.audio[0])
            cover = out.add_stream("mjpeg", width=64, height=64, pix_fmt="yuvj420p")
            cover.disposition = av.stream.Disposition.attached_pic
            jpegs = cover.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")) + cover.encode()
            for packet in packets:
                packet.stream = track
            out.mux(jpegs + packets)
    data = covered.getvalue()
    with av.open(io.BytesIO(data)) as shown:
        assert shown.streams.video, "no cover was written"
    assert has_sound(data)
    assert not has_picture(data)
    with pytest.raises(MediaError, match="no picture track"):
        list(read_frames(data))


@pytest.mark.parametrize("junk", [b"", b"hello" * 100, b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"])
def test_junk_has_neither_sound_nor_picture(junk):
    assert not has_sound(junk)
    assert not has_picture(junk)


def test_a_silent_video_has_no_sound():
    data = encode_video(pictures(2))
    assert not has_sound(data)
    with pytest.raises(MediaError, match="no sound track"):
        read_sound(data)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_broken_samples_are_refused(bad):
    samples = tone(0.5)
    samples[100] = bad
    with pytest.raises(MediaError, match="not numbers"):
        read_sound(wav(samples, subtype="FLOAT"))


@pytest.mark.parametrize("reader", [read_sound, lambda data: list(read_frames(data))])
@pytest.mark.parametrize(
    "junk", [b"", b"\0", b"hello" * 100, b"RIFF\xff\xff\xff\xffWAVEfmt ", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"]
)
def test_junk_gets_a_sentence(reader, junk):
    with pytest.raises(MediaError, match=r"\w+.*: "):
        reader(junk)


def test_too_long_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(limits, "MAX_SECONDS", 1.0)
    with pytest.raises(MediaError, match="longer than"):
        read_sound(wav(tone(1.5)))
    with pytest.raises(MediaError, match="longer than"):
        list(read_frames(encode_video(pictures(60))))


def test_a_wav_header_that_lies_about_its_size_is_read_to_its_end():
    data = bytearray(wav(tone(0.5)))
    data[40:44] = (0x7FFFFFF0).to_bytes(4, "little")
    assert abs(read_sound(bytes(data)).seconds - 0.5) < 0.01


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_video_gives_what_is_there_or_a_sentence(share):
    rng = np.random.default_rng(0)
    noise = [rng.integers(0, 255, (96, 128, 3), np.uint8) for _ in range(90)]
    data = encode_video(noise, container="matroska")
    frames = list(read_frames(data[: int(share * len(data))]))
    assert 1 <= len(frames) <= 3
    mp4 = encode_video(noise)  # its index stands at the end
    with pytest.raises(MediaError):
        list(read_frames(mp4[: int(share * len(mp4))]))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_never_crash_the_readers(junk):
    for reader in (read_sound, lambda data: list(read_frames(data))):
        with contextlib.suppress(MediaError):
            reader(junk)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 8000), st.integers(0, 255)), min_size=1, max_size=20))
def test_flipped_bytes_never_crash_the_readers(flips):
    for original, reader in ((wav(tone(0.2)), read_sound), (encode_video(pictures(4)), lambda data: list(read_frames(data)))):
        data = bytearray(original)
        for position, value in flips:
            data[position % len(data)] = value
        with contextlib.suppress(MediaError):
            reader(bytes(data))
