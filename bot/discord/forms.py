"""A form as a Discord modal: one labelled text input for each field."""

from __future__ import annotations

from bot.discord.body import shortened
from handlers.reply import Field, Form

TITLE_LIMIT = 45  # characters; so are labels
DESCRIPTION_LIMIT = 100
PLACEHOLDER_LIMIT = 100
VALUE_LIMIT = 4000
FIELDS = 5
LABEL, TEXT_INPUT = 18, 4
SHORT, PARAGRAPH = 1, 2


def modal_of(form: Form, action: str, language: str) -> dict[str, object]:
    """Return the data of an interaction's answer of type 9; `action` comes back with the filled-in form."""
    return {
        "custom_id": action,
        "title": shortened(form.title.in_language(language), TITLE_LIMIT),
        "components": [_labelled(field, language) for field in form.fields[:FIELDS]],
    }


def _labelled(field: Field, language: str) -> dict[str, object]:
    words = field.label.in_language(language)
    labelled: dict[str, object] = {
        "type": LABEL,
        "label": shortened(words, TITLE_LIMIT),
        "component": _input(field, language),
    }
    if labelled["label"] != words:
        labelled["description"] = shortened(words, DESCRIPTION_LIMIT)
    return labelled


def _input(field: Field, language: str) -> dict[str, object]:
    at_most = max(1, min(field.at_most, VALUE_LIMIT))
    described: dict[str, object] = {
        "type": TEXT_INPUT,
        "custom_id": field.name,
        "style": PARAGRAPH if field.long else SHORT,
        "required": field.required,
        "max_length": at_most,
    }
    if field.value:
        described["value"] = shortened(field.value, at_most)
    if field.placeholder is not None:
        described["placeholder"] = shortened(field.placeholder.in_language(language), PLACEHOLDER_LIMIT)
    return described
