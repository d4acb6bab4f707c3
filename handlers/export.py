"""What a person gets who asks for what is kept of them: one JSON file for programs, one Markdown file for eyes."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from storage.records import Message, Role, Totals

FORMAT = "polobot-export-1"
PACKED_FROM = 5 << 20  # bytes together, from which both go into one zip file: Discord takes files of 10 MB


class Kept(msgspec.Struct, frozen=True):
    """All that is kept of one person, or of one in one conversation. Times: ISO 8601, UTC."""

    format: str
    person: str
    name: str
    exported_at: str
    settings: Mapping[str, object]
    usage: Totals
    conversations: Mapping[str, Sequence[Message]]


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file to be handed over."""

    name: str
    media_type: str
    content: bytes


def theirs(messages: Sequence[Message], person: str) -> list[Message]:
    """Return what a person may have of a conversation: all of it where nobody else spoke, else their own words and
    the answers to them."""
    if all(message.person in (None, person) for message in messages):
        return list(messages)
    own = {message.id for message in messages if message.person == person}
    return [message for message in messages if message.id in own or _answers(message, own)]


async def written(kept: Kept) -> list[ExportFile]:
    """Return the files; the work is done beside the event loop."""
    return await asyncio.to_thread(_written, kept)


def iso(at: float) -> str:
    """Return Unix seconds as ISO 8601 in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def _answers(message: Message, questions: set[int]) -> bool:
    return message.role is Role.ASSISTANT and message.parent in questions


def _written(kept: Kept) -> list[ExportFile]:
    readable = {
        **msgspec.to_builtins(kept),
        "conversations": [
            {
                "conversation": key,
                "messages": [{**msgspec.to_builtins(each), "said_at": iso(each.said_at)} for each in messages],
            }
            for key, messages in kept.conversations.items()
        ],
    }
    as_json = msgspec.json.format(msgspec.json.encode(readable), indent=1)
    files = [
        ExportFile("export.json", "application/json", as_json),
        ExportFile("export.md", "text/markdown", _markdown(kept).encode("utf-8", "replace")),
    ]
    return files if sum(len(file.content) for file in files) < PACKED_FROM else [_packed(files)]


def _markdown(kept: Kept) -> str:
    lines = [f"# {kept.name or kept.person}", "", f"{kept.person}, {kept.exported_at}", ""]
    for key, messages in kept.conversations.items():
        lines += [f"## {key}", ""]
        for message in messages:
            speaker = message.model or "assistant" if message.role is Role.ASSISTANT else message.person or "person"
            files = [f"- {file.name} ({file.media_type}, {file.size} bytes)" for file in message.files]
            lines += [f"### {speaker}, {iso(message.said_at)}", "", message.text, "", *files, *([""] if files else [])]
    return "\n".join(lines)


def _packed(files: Sequence[ExportFile]) -> ExportFile:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.writestr(file.name, file.content)
    return ExportFile("export.zip", "application/zip", packed.getvalue())
