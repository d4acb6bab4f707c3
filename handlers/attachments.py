"""Files that people send: pictures for a model's eyes, texts to be read, and one clear sentence for all else."""

from __future__ import annotations

import codecs
from enum import Enum, auto
from pathlib import PurePath

from handlers.errors import ForPerson
from handlers.image_header import read_image_header
from handlers.turn import Attachment, Kind
from handlers.words import Words
from storage.records import StoredFile

PICTURES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif"})
_TEXT_TYPES = frozenset(
    {
        "application/json",
        "application/x-ndjson",
        "application/ld+json",
        "application/xml",
        "application/yaml",
        "application/x-yaml",
        "application/toml",
        "application/sql",
        "application/javascript",
        "application/ecmascript",
        "application/typescript",
        "application/x-sh",
        "application/x-python-code",
        "application/x-httpd-php",
        "application/graphql",
        "application/x-tex",
        "application/x-subrip",
    }
)
# Platforms call most source code application/octet-stream, and TypeScript a video.
_TEXT_ENDINGS = """
txt text md markdown rst adoc org tex log csv tsv json jsonl ndjson geojson xml html htm xhtml svg
css scss less yaml yml toml ini cfg conf env properties editorconfig gitignore dockerfile makefile
cmake gradle py pyi ipynb js mjs cjs jsx ts tsx vue svelte java kt kts scala groovy c h cc cpp cxx
hpp hh cs go rs swift m mm rb php pl pm lua r jl hs ml mli fs fsx clj cljs ex exs erl elm dart nim
zig v vhd vhdl sv asm s f f90 pas vb bas sh bash zsh fish ps1 bat cmd sql graphql gql proto thrift
tf hcl nix diff patch srt vtt sub po pot bib lock
"""
_TEXT_NAMES = frozenset(_TEXT_ENDINGS.split())

_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))

UNREADABLE = Words(
    en="I cannot read {name}. I look at PNG, JPEG, WebP and GIF pictures, and read text, code, CSV, JSON and Markdown.",
    zh="无法读取 {name}。我能看 PNG、JPEG、WebP 和 GIF 图片，也能读文本、代码、CSV、JSON 和 Markdown 文件。",
)
NO_PICTURE = Words(
    en="{name} is damaged or no real picture. Send it as PNG, JPEG, WebP or GIF.",
    zh="{name} 已损坏或不是真正的图片。请发送 PNG、JPEG、WebP 或 GIF 格式。",
)
NO_TEXT = Words(
    en="{name} does not hold text that I can read. Send it as UTF-8 text.",
    zh="{name} 中没有可读的文本。请以 UTF-8 文本发送。",
)
EMPTY = Words(en="{name} is empty.", zh="{name} 是空文件。")


class Content(Enum):
    """What a file is to a conversation."""

    PICTURE = auto()
    TEXT = auto()


def content_of(name: str, media_type: str, kind: Kind = Kind.DOCUMENT) -> Content | None:
    """Tell what a file is by its declared type, and by its name where that says little; None: not for us."""
    declared = media_type.partition(";")[0].strip().lower()
    path = PurePath(name.lower())
    ending = path.suffix.removeprefix(".") or path.name.removeprefix(".")
    if declared in PICTURES or (kind is Kind.IMAGE and declared in ("", "application/octet-stream")):
        return Content.PICTURE
    if kind in (Kind.AUDIO, Kind.VOICE):
        return None
    if declared.startswith("text/") or declared in _TEXT_TYPES or ending in _TEXT_NAMES:
        return Content.TEXT
    if declared in ("", "application/octet-stream") and ending in {"png", "jpg", "jpeg", "webp", "gif"}:
        return Content.PICTURE
    return None


def refuse_unreadable(attachment: Attachment) -> None:
    """Raise `ForPerson` for a file that no conversation can use, before anything is fetched."""
    if content_of(attachment.name, attachment.media_type, attachment.kind) is None:
        raise ForPerson(UNREADABLE.with_values(name=_called(attachment.name)))


def checked(file: StoredFile, data: bytes, content: Content) -> StoredFile:
    """Return the file with its true type, after its bytes. Raises `ForPerson` where they are not what they claim."""
    name = _called(file.name)
    if not data:
        raise ForPerson(EMPTY.with_values(name=name))
    if content is Content.PICTURE:
        header = read_image_header(data)
        if header is None:
            raise ForPerson(NO_PICTURE.with_values(name=name))
        return StoredFile(file.digest, file.name, header.media_type, file.size)
    if decoded(data) is None:
        raise ForPerson(NO_TEXT.with_values(name=name))
    declared = file.media_type.partition(";")[0].strip().lower()
    kept = declared.startswith("text/") or declared in _TEXT_TYPES
    return StoredFile(file.digest, file.name, declared if kept else "text/plain", file.size)


def decoded(data: bytes, *, looked_at: int = 1 << 20) -> str | None:
    """Return the text that the first `looked_at` bytes hold: UTF-8, UTF-16 with its mark, or what Windows writes.

    None where they hold no text. A character cut in two at the end is left out.
    """
    part = data[:looked_at]
    if part.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return part[: len(part) // 2 * 2].decode("utf-16", "replace")
    if b"\x00" in part or _controls(part) > len(part) // 50:
        return None
    for encoding in ("utf-8-sig", "gb18030", "cp1252"):
        try:
            return codecs.getincrementaldecoder(encoding)().decode(part, len(part) == len(data))
        except UnicodeDecodeError:
            continue
    return None


def _controls(data: bytes) -> int:
    """Count the control characters that text files do not hold."""
    return len(data) - len(data.translate(None, _CONTROLS))


def _called(name: str) -> str:
    """Return a name fit for a sentence."""
    return name[:60] or "?"
