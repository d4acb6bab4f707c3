"""Pages become Discord messages: by an interaction's token while it lives, then by the bot's own, then as a direct
message.

- An answer to a slash command fills the waiting ("thinking") message first; further pages follow up on it.
- The token is used for less than 14 minutes. After that, or when Discord says it is dead, pages go as ordinary
  channel messages; where the channel is closed to the bot, as a direct message to the one who asked.
- A page for one person only: the waiting message is public and cannot be made private, so it is taken away and the
  page follows as an ephemeral one.
- After a restart nobody remembers whether the waiting message was filled: Discord is asked, once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from bot.clock import Clock
from bot.discord.address import Via, apart, together, via_of
from bot.discord.answers import Answer, Answers, Standing
from bot.discord.body import EPHEMERAL, LOADING, body_of, nonce_of, shortened
from bot.discord.rest import RefusedWith, Rest, TokenDead
from bot.ports import DeliveryError, Gone, MessageGone, Page
from handlers.turn import Place

_HOOK = "/webhooks/{app}/{token}"
_MESSAGE = "/channels/{channel}/messages/{message}"
_INVALID_FORM = 50035
_NO_HISTORY = 160002  # "Cannot reply without permission to read message history"
_TELL_LIMIT = 2000


class Sender:
    """Everything that is written to Discord. Raises `DeliveryError`s only; see `Rest.ask` for which."""

    def __init__(self, rest: Rest, clock: Clock) -> None:
        self._rest, self._clock = rest, clock
        self._answers = Answers()

    def acknowledged(self, via: Via) -> None:
        """Learn that an interaction has just been acknowledged, so that nothing needs to be asked about it."""
        self._answers.acknowledged(via, self._clock.now())

    # ------------------------------------------------------------ new messages

    async def post(self, place: Place, page: Page, nonce: str) -> str:
        """Send a new message and return its id; see the module for the way it takes."""
        via = via_of(place)
        if via is None:
            return await self._to_channel(place.chat, page, nonce, reply_to=place.message)
        try:
            return await self._answer(via, page)
        except TokenDead:
            return await self._beside(place, via, page, nonce)
        except RefusedWith as refusal:
            # An app that only the person installed has five follow-ups; no code is documented for the sixth.
            if via.member or refusal.code == _INVALID_FORM:
                raise
            return await self._beside(place, via, page, nonce)

    async def _answer(self, via: Via, page: Page) -> str:
        """Send a page by the interaction's token. Raises `TokenDead` when that way is closed."""
        answer = self._alive(via)
        async with answer.turn:
            try:
                filled = await self._look(via, answer) if answer.thinking is None else None
                if filled is not None and _shows(filled, page):
                    # This very page was shown before a crash; its id was not yet written down.
                    return self._stands(filled, hook=True, page=page)
                if answer.thinking and page.only_for_person:
                    await self._clear(via, answer)
                elif answer.thinking:
                    with suppress(MessageGone):  # somebody took the waiting message away
                        return await self._fill(via, answer, page)
                    answer.thinking = False
                return await self._follow_up(via, answer, page)
            except TokenDead:
                answer.dead = True
                raise

    def _alive(self, via: Via) -> Answer:
        answer = self._answers.of(via)
        if answer.dead or self._clock.now() >= via.until:
            raise TokenDead("the interaction's token is over")
        return answer

    async def _look(self, via: Via, answer: Answer) -> Any:
        """Ask whether the waiting message still waits; return the message if it has been filled already."""
        try:
            original = await self._rest.ask("GET", f"{_HOOK}/messages/@original", _names(via))
        except MessageGone:
            answer.thinking = False
            return None
        answer.thinking = bool(int(original.get("flags", 0)) & LOADING)
        return None if answer.thinking else original

    async def _fill(self, via: Via, answer: Answer, page: Page) -> str:
        shown = await self._rest.ask(
            "PATCH", f"{_HOOK}/messages/@original", _names(via), body=body_of(page), upload=page.upload
        )
        answer.thinking = False
        return self._stands(shown, hook=True, page=page)

    async def _clear(self, via: Via, answer: Answer) -> None:
        with suppress(MessageGone):
            await self._rest.ask("DELETE", f"{_HOOK}/messages/@original", _names(via))
        answer.thinking = False

    async def _follow_up(self, via: Via, answer: Answer, page: Page) -> str:
        if answer.used_up(via):
            raise TokenDead("no follow-ups are left")
        body = body_of(page)
        if page.only_for_person:
            body["flags"] = EPHEMERAL
        shown = await self._rest.ask(
            "POST", _HOOK, _names(via), body=body, upload=page.upload, query={"wait": "true", "with_components": "true"}
        )
        answer.followed += 1
        return self._stands(shown, hook=True, page=page)

    async def _beside(self, place: Place, via: Via, page: Page, nonce: str) -> str:
        """Send a page that the interaction's token does not carry any more."""
        if via.member:
            try:
                return await self._to_channel(place.chat, page, nonce, reply_to=place.message)
            except Gone:
                if place.private:
                    raise
        channel = await self._rest.ask("POST", "/users/@me/channels", body={"recipient_id": via.person})
        direct = str(channel["id"])
        return together(direct, await self._to_channel(direct, page, nonce, reply_to=None), place.chat)

    async def _to_channel(self, channel: str, page: Page, nonce: str, *, reply_to: str | None) -> str:
        body = body_of(page) | {"nonce": nonce_of(nonce), "enforce_nonce": True}
        if reply_to is not None:
            body["message_reference"] = {"message_id": apart(reply_to, channel)[1], "fail_if_not_exists": False}
        path, names = "/channels/{channel}/messages", {"channel": channel}
        try:
            shown = await self._rest.ask("POST", path, names, body=body, upload=page.upload)
        except RefusedWith as refusal:
            if refusal.code != _NO_HISTORY or reply_to is None:
                raise
            del body["message_reference"]
            shown = await self._rest.ask("POST", path, names, body=body, upload=page.upload)
        return self._stands(shown, hook=False, page=page)

    def _stands(self, shown: Any, *, hook: bool, page: Page) -> str:
        message = str(shown["id"])
        self._answers.stands(message, Standing(hook, page.upload))
        return message

    # ------------------------------------------------------------ messages that stand

    async def edit(self, place: Place, message: str, page: Page) -> None:
        """Make a message look like `page`, by whichever token may."""
        _, own = apart(message, place.chat)
        standing = self._answers.standing(own)
        same_file = page.upload is not None and standing is not None and standing.upload == page.upload
        body = body_of(page, keep_upload=same_file)
        upload = None if same_file else page.upload
        hook = await self._by_any_way("PATCH", place, message, body=body, upload=upload)
        self._answers.stands(own, Standing(hook, page.upload))

    async def delete(self, place: Place, message: str) -> None:
        """Take a message away; that it is gone already is success."""
        with suppress(MessageGone):
            await self._by_any_way("DELETE", place, message)
        self._answers.fell(apart(message, place.chat)[1])

    async def _by_any_way(self, method: str, place: Place, message: str, **what: Any) -> bool:
        """Ask by each token that may; return whether it was the interaction's. Raises the last way's error."""
        trouble: DeliveryError = MessageGone("no token is left that may touch it")
        for hook, path, names in self._ways(place, message):
            try:
                await self._rest.ask(method, path, names, **what)
            except (MessageGone, Gone) as error:
                trouble = error
            except TokenDead:
                self._mark_dead(place)
            else:
                return hook
        raise trouble

    def _ways(self, place: Place, message: str) -> Iterator[tuple[bool, str, dict[str, str]]]:
        """List (by hook?, path, names), the one that is known to work first."""
        channel, own = apart(message, place.chat)
        bot = (False, _MESSAGE, {"channel": channel, "message": own})
        via = via_of(place)
        if via is None:
            yield bot
            return
        standing = self._answers.standing(own)
        by_bot = via.member or channel != place.chat
        if by_bot and standing is not None and not standing.hook:
            yield bot
            by_bot = False
        if channel == place.chat and not self._answers.of(via).dead and self._clock.now() < via.until:
            path = f"{_HOOK}/messages/" + ("@original" if own == via.pressed else "{message}")
            yield True, path, _names(via) | {"message": own}
        if by_bot:
            yield bot

    def _mark_dead(self, place: Place) -> None:
        via = via_of(place)
        if via is not None:
            self._answers.of(via).dead = True

    # ------------------------------------------------------------ beside messages

    async def typing(self, place: Place) -> None:
        """Show that the bot writes; an interaction's waiting message shows it already."""
        via = via_of(place)
        if via is not None and (not via.member or self._answers.of(via).thinking is not False):
            return
        await self._rest.ask("POST", "/channels/{channel}/typing", {"channel": place.chat})

    async def tell(self, place: Place, text: str) -> bool:
        """Say something to the one who asked, unseen by others; False where no living interaction allows it."""
        via = via_of(place)
        if via is None:
            return False
        text = shortened(text, _TELL_LIMIT)
        try:
            await self._answer(via, Page(text=text, plain=text, size=len(text), only_for_person=True))
        except TokenDead:
            return False
        return True


def _names(via: Via) -> dict[str, str]:
    return {"app": via.app, "token": via.token}


def _shows(message: Any, page: Page) -> bool:
    """Tell whether a message that everybody sees is this very page."""
    return message.get("content") == body_of(page)["content"] and not page.only_for_person
