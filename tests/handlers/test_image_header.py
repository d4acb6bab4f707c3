"""Picture types and sizes from their bytes."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.image_header import read_image_header

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + struct.pack(">II", 640, 480)
GIF = b"GIF89a" + struct.pack("<HH", 320, 200)
JPEG = (
    b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    b"\xff\xdb\x00\x04\x00\x00\xff\xc2\x00\x11\x08" + struct.pack(">HH", 600, 800) + b"\x03"
)
LOSSY = b"RIFF\x00\x00\x00\x00WEBPVP8 \x00\x00\x00\x00\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", 75, 50)
LOSSLESS = b"RIFF\x00\x00\x00\x00WEBPVP8L\x00\x00\x00\x00\x2f" + struct.pack("<I", 74 | 49 << 14)
EXTENDED = b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + b"\x4a\x00\x00" + b"\x31\x00\x00"


@pytest.mark.parametrize(
    ("data", "header"),
    [
        (PNG, ("image/png", 640, 480)),
        (GIF, ("image/gif", 320, 200)),
        (JPEG, ("image/jpeg", 800, 600)),
        (LOSSY, ("image/webp", 75, 50)),
        (LOSSLESS, ("image/webp", 75, 50)),
        (EXTENDED, ("image/webp", 75, 50)),
    ],
)
def test_type_and_size_are_read_from_the_bytes(data: bytes, header: tuple[str, int, int]) -> None:
    assert read_image_header(data) == header


@pytest.mark.parametrize(
    "data", [b"", b"%PDF-1.7", b"<svg/>", b"RIFF\x00\x00\x00\x00WAVE", b"\x00\x00\x00\x18ftypheic"]
)
def test_what_is_no_such_picture_is_none(data: bytes) -> None:
    assert read_image_header(data) is None


@given(st.sampled_from([PNG, GIF, JPEG, LOSSY, LOSSLESS, EXTENDED]), st.integers(12, 60), st.binary(max_size=200))
def test_a_damaged_picture_is_read_without_failing(data: bytes, kept: int, noise: bytes) -> None:
    header = read_image_header(data[:kept] + noise)

    assert header is None or header.width >= 0


def test_a_jpeg_of_nothing_but_padding_ends() -> None:
    assert read_image_header(b"\xff\xd8" + b"\xff" * 1_000_000) == ("image/jpeg", 0, 0)
