"""What a picture is, by its first bytes: its type is read there and never believed from a name."""

from __future__ import annotations

from typing import NamedTuple


class ImageHeader(NamedTuple):
    """The true media type, and the size in pixels (0 x 0 where the header is damaged)."""

    media_type: str
    width: int
    height: int


def read_image_header(data: bytes) -> ImageHeader | None:
    """Return what the bytes say of a PNG, JPEG, GIF or WebP picture, None for anything else.

    Sources: PNG specification 11.2.2, GIF89a 18, RFC 9649 (WebP), ITU-T T.81 annex B (JPEG).
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return ImageHeader("image/png", _number(data, 16, 4), _number(data, 20, 4))
    if data.startswith((b"GIF87a", b"GIF89a")):
        return ImageHeader("image/gif", _number(data, 6, 2, little=True), _number(data, 8, 2, little=True))
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return ImageHeader("image/webp", *_webp_size(data))
    if data.startswith(b"\xff\xd8\xff"):
        return ImageHeader("image/jpeg", *_jpeg_size(data))
    return None


def _number(data: bytes, at: int, size: int, *, little: bool = False) -> int:
    return int.from_bytes(data[at : at + size], "little" if little else "big")


def _webp_size(data: bytes) -> tuple[int, int]:
    match data[12:16]:
        case b"VP8X":
            return _number(data, 24, 3, little=True) + 1, _number(data, 27, 3, little=True) + 1
        case b"VP8L":
            bits = _number(data, 21, 4, little=True)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return _number(data, 26, 2, little=True) & 0x3FFF, _number(data, 28, 2, little=True) & 0x3FFF
        case _:
            return 0, 0


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Walk the segments up to the frame header (SOF0 to SOF15 without DHT, JPG and DAC)."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return _number(data, at + 7, 2), _number(data, at + 5, 2)
        alone = marker == 0xFF or 0xD0 <= marker <= 0xD9 or marker == 0x01
        at += (1 if marker == 0xFF else 2) if alone else 2 + max(2, _number(data, at + 2, 2))
    return 0, 0
