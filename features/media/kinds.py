"""What a file is that is no recording, told by its first bytes, so that whoever gave it knows which one it was."""

from __future__ import annotations

import re

# Those of the Unix command `file`; the longest first where one begins like another.
_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"BM", "a picture (BMP)"),
    (b"II*\0", "a picture (TIFF)"),
    (b"MM\0*", "a picture (TIFF)"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "a text document"),
    (b"\xd0\xcf\x11\xe0", "an Office document"),
    (b"PK\x03\x04", "an archive (ZIP)"),
    (b"PK\x05\x06", "an empty archive (ZIP)"),
    (b"Rar!", "an archive (RAR)"),
    (b"7z\xbc\xaf", "an archive (7-Zip)"),
    (b"\x1f\x8b", "an archive (gzip)"),
    (b"BZh", "an archive (bzip2)"),
    (b"\xfd7zXZ", "an archive (xz)"),
    (b"\x28\xb5\x2f\xfd", "an archive (Zstandard)"),
    (b"MThd", "a list of notes (MIDI)"),
    (b"#EXTM3U", "a play list"),
    (b"[playlist]", "a play list"),
    (b"SQLite format 3", "a database"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
)
_OFFICE = re.compile(rb"word/|xl/|ppt/|mimetypeapplication/vnd\.oasis")
_PICTURES = {b"heic", b"heix", b"mif1", b"msf1", b"avif", b"hevc"}
_LOOKED_AT = 4096


def what_it_is(data: bytes) -> str | None:
    """A few words for a file that is no recording of sound or pictures; None where its first bytes say nothing.

    >>> what_it_is(b"%PDF-1.7"), what_it_is(b"Dear diary,\\n"), what_it_is(bytes(100))
    ('a PDF', 'a text file', 'a file of nothing but zeros')
    """
    head = data[:_LOOKED_AT]
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURES:
        return "a picture (HEIC or AVIF)"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a picture (WebP)"
    if head[:2] == b"PK" and _OFFICE.search(head):
        return "an Office document"
    known = next((words for beginning, words in _BEGINNINGS if head.startswith(beginning)), None)
    if known or not head:
        return known
    if not any(data):
        return "a file of nothing but zeros"
    return _written(head)


def _written(head: bytes) -> str | None:
    """What kind of writing it is, if it is any."""
    for encoding in ("utf-16",) if head[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8",):
        text = head.decode(encoding, errors="ignore")
        legible = sum(letter.isprintable() or letter in "\r\n\t" for letter in text)
        if len(text) < 0.8 * len(head) / (2 if encoding == "utf-16" else 1) or legible < 0.98 * len(text):
            return None
        start = text.lstrip("\ufeff \r\n\t").lower()
        if start.startswith(("<!doctype html", "<html")):
            return "a web page"
        if start.startswith("<svg") or "<svg" in start[:300]:
            return "a picture (SVG)"
        return "a text file"
    return None


def no_sound_words(container) -> str:
    """Why a file that was opened gives no voice."""
    if container.streams.video:
        return "The file is a video without sound (it has no sound track): add a WAV of the voice, or let the face be judged alone."
    return "The file has no sound track: add a WAV of the voice, or let the face be judged alone."
