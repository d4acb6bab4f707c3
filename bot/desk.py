"""What showing replies on one platform takes, and what the pages of a finished reply are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from bot.clock import Clock
from bot.metrics import Metrics
from bot.pacer import Pacer
from bot.ports import Adapter, Page, Upload
from bot.prepared import Prepared
from handlers.reply import File
from storage.files import FileStore


@dataclass(frozen=True, slots=True)
class Desk:
    """What showing replies on one platform takes; one for the life of the process."""

    adapter: Adapter
    pacer: Pacer
    clock: Clock
    files: FileStore
    metrics: Metrics
    messages_at_most: int  # text beyond that many messages comes as a file


def assembled(desk: Desk, texts: Sequence[Page], files: Sequence[File], prepared: Prepared) -> list[Page]:
    """Return a finished reply's pages: its text, then its files; the buttons below the text where there is one."""
    pages = [*texts, *(_upload_page(desk, file) for file in files)]
    last_text = len(texts) - 1 if texts else len(pages) - 1
    return [
        replace(
            page,
            buttons=prepared.buttons if number == last_text else (),
            only_for_person=prepared.only_for_person,
        )
        for number, page in enumerate(pages)
    ]


def _upload_page(desk: Desk, file: File) -> Page:
    path = str(desk.files.path(file.digest))
    return Page("", "", 0, upload=Upload(file.name, file.media_type, path, file.size))
