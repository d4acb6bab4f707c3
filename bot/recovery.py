"""What a dead process left behind: every accepted turn still gets its one outcome.

Nothing billed asked yet: it runs as if nothing had happened. Asked, nothing seen: it runs again where the operator
allows that (REPEAT_AFTER_CRASH). Half an answer seen: it is closed with a sentence and a button. A reply stored but
not confirmed: it is delivered, and says that it may be a repetition where nobody can know.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog

from bot.dispatch import Dispatch, with_via
from bot.ports import Incoming
from bot.prepared import decode_prepared
from bot.running import Halfway, Runner, again, decode_halfway, encode_halfway
from handlers.reply import Reply, Text
from handlers.words import Words
from storage.records import StoredTurn, TurnState

log = structlog.get_logger(__name__)

INTERRUPTED = Words(
    en="(I was interrupted here. The model may have charged for it.)", zh="（回答在此中断，模型可能已计费。）"
)


class Recovery:
    """The unfinished turns found at start, taken up platform by platform as the adapters come up."""

    def __init__(
        self, found: Sequence[StoredTurn], dispatch: Dispatch, runner: Runner, *, repeat_after_crash: bool
    ) -> None:
        self._found = list(found)
        self._dispatch, self._runner, self._repeat = dispatch, runner, repeat_after_crash

    async def take_up(self, platform: str) -> None:
        """See to the turns of a platform that has just come up; the second time there are none."""
        mine = [turn for turn in self._found if turn.conversation.startswith(f"{platform}:")]
        self._found = [turn for turn in self._found if turn not in mine]
        if mine:
            log.info("taking up unfinished turns", platform=platform, count=len(mine))
        for turn in mine:
            await self._one(turn)

    async def _one(self, turn: StoredTurn) -> None:
        try:
            incoming = with_via(msgspec.json.decode(turn.incoming, type=Incoming), turn.via)
        except msgspec.MsgspecError as error:
            log.error("an unfinished turn cannot be read", turn=turn.id, error=str(error))
            await self._runner.services.storage.turns.done(turn.id, "unreadable", turn.shown)
            return
        match turn.state:
            case TurnState.ANSWERED:
                self._dispatch.spawn(self._redeliver(turn, incoming), name="redeliver")
            case TurnState.ASKED if turn.reply is not None or not self._repeat:
                self._dispatch.spawn(self._close(turn, incoming), name="close half answer")
            case TurnState.ASKED:
                # Once only: should this very turn kill the process again, it is closed with a sentence.
                await self._runner.services.storage.turns.shown(turn.id, (), encode_halfway(""))
                await self._dispatch.take(turn.id, incoming, again=True)
            case _:
                await self._dispatch.take(turn.id, incoming, again=True)

    async def _redeliver(self, turn: StoredTurn, incoming: Incoming) -> None:
        prepared = decode_prepared(turn.reply or b"{}")
        language = await self._runner.language_at(incoming)
        async with self._runner.live(turn.id, incoming.place, language, replacing=turn.shown) as live:
            await self._runner.deliver(turn.id, prepared, live, "answered", unsure=not turn.shown)

    async def _close(self, turn: StoredTurn, incoming: Incoming) -> None:
        half = decode_halfway(turn.reply) if turn.reply else Halfway("")
        language = await self._runner.language_at(incoming)
        said = f"{half.markdown.rstrip()}\n\n_{INTERRUPTED.in_language(language)}_".strip()
        reply = Reply((Text(said),), buttons=((again(turn.id),),))
        async with self._runner.live(turn.id, incoming.place, language, replacing=turn.shown) as live:
            prepared = await self._runner.store(turn.id, incoming, reply, language)
            await self._runner.deliver(turn.id, prepared, live, "interrupted")
