"""How a place on Discord is addressed later: the token of an interaction, and the form of message ids.

A message id is Discord's own id where the message stands in the place's channel. A message that had to go elsewhere
(a direct message, because the channel is closed to the bot) is `<channel>/<message>`, so that it can be edited after
a restart with nothing but the place and the id.
"""

from __future__ import annotations

import msgspec

from handlers.turn import Place

# An interaction's token lives 15 minutes (Discord docs: receiving-and-responding); switch before minute 14.
TOKEN_USED_FOR_S = 14 * 60 - 5


class Via(msgspec.Struct, frozen=True):
    """What answers an interaction. Lives in `Place.via`: stored, never shown or logged."""

    app: str
    token: str
    until: float  # Unix seconds: from then on the token is not used any more
    person: str  # Discord's user id, for a direct message when nothing else is left
    # "thinking": a waiting message stands there, to be filled by the first page. "pressed": nothing was added.
    kind: str
    member: bool  # the bot's own token works in this channel
    pressed: str = ""  # the message whose button was pressed: `@original` of this interaction

    def __repr__(self) -> str:
        """Leave the token out: whoever holds it can speak as the bot."""
        return f"Via(kind={self.kind!r}, member={self.member}, until={self.until})"

    def encoded(self) -> str:
        """Return the text for `Place.via`."""
        return msgspec.json.encode(self).decode()


def via_of(place: Place) -> Via | None:
    """Read `Place.via`; None where the place belongs to no interaction (or to another version's format)."""
    if not place.via:
        return None
    try:
        return msgspec.json.decode(place.via, type=Via)
    except msgspec.DecodeError:
        return None


def apart(message: str, channel: str) -> tuple[str, str]:
    """Split a message id into channel and Discord's own id; `channel` is where plain ids stand."""
    elsewhere, slash, own = message.partition("/")
    return (elsewhere, own) if slash else (channel, message)


def together(channel: str, message: str, home: str) -> str:
    """Make the message id that `apart` splits."""
    return message if channel == home else f"{channel}/{message}"
