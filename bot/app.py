"""The wiring: every part of the process is made here, in one order, handed on, and closed in the reverse order."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry

from bot.access import Access, Limits
from bot.background import Crew
from bot.clock import Clock, SystemClock
from bot.desk import Desk
from bot.dispatch import Dispatch, Tickets
from bot.first_look import look_at_relay
from bot.housekeeping import keep_house
from bot.lanes import Floor
from bot.metrics import Metrics
from bot.notes import StoredNotes
from bot.pacer import Pacer
from bot.platforms import Platforms
from bot.ports import TokenRejected
from bot.recovery import Recovery
from bot.running import Runner
from bot.settings import Settings
from bot.supervise import Supervisor
from bot.version import VERSION
from bot.web.adapter import WebAdapter
from handlers.conversation import Conversations
from handlers.models import Models
from handlers.registry import COMMANDS
from handlers.services import ChatConfig, Services
from polo import Polo, RelaySettings
from storage.database import Database, open_database

log = structlog.get_logger(__name__)

STOP_WITHIN_S = 8.0  # Docker kills after 10; what is not done then is taken up at the next start
WRONG_SETTING = 2
GC_THRESHOLDS = (10_000, 20, 20)  # Python's own (700, 10, 10) look several times in every turn


@dataclass(frozen=True, slots=True)
class House:
    """A running process, as a test or the command line holds it."""

    web: WebAdapter
    supervisor: Supervisor
    dispatch: Dispatch
    metrics: Metrics
    standin: bool


async def run(settings: Settings) -> int:
    """Run until SIGINT or SIGTERM; return the exit code."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        try:
            house = await stack.enter_async_context(open_house(settings, SystemClock()))
        except OSError as error:
            return _refuse(f"WEB_PORT: {settings.web_host}:{settings.web_port} cannot be used ({error.strerror}).")
        _greet(settings, house)
        gc.collect()
        gc.freeze()  # what was loaded at start stays: no need to look at it again in every collection
        gc.set_threshold(*GC_THRESHOLDS)
        gc.enable()
        return await _until(stop, house)


async def _until(stop: asyncio.Event, house: House) -> int:
    running = asyncio.create_task(house.supervisor.run(), name="supervisor")
    stopping = asyncio.create_task(stop.wait(), name="stop")
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stopping.done():
            log.info("stopping", waits_at_most_s=STOP_WITHIN_S)
            await house.dispatch.drain(STOP_WITHIN_S)
    finally:
        for task in (running, stopping):
            task.cancel()
        [ended, _] = await asyncio.gather(running, stopping, return_exceptions=True)
    if isinstance(ended, BaseExceptionGroup) and (rejected := ended.subgroup(TokenRejected)) is not None:
        return _refuse(f"{_setting_of(rejected)} is not accepted by the platform; copy it anew from there.")
    if isinstance(ended, Exception):
        raise ended
    return 0


@asynccontextmanager
async def open_house(settings: Settings, clock: Clock) -> AsyncIterator[House]:
    """Open everything in order: database, relay, adapters, dispatch, page; close it in the reverse order.

    Raises `DatabaseProblem` or, where the page's address is taken, `OSError`. Adapters receive once the caller
    runs `supervisor.run()`.
    """
    async with AsyncExitStack() as stack:
        storage = await stack.enter_async_context(
            open_database(settings.database_url.get_secret_value(), now=clock.now, files=settings.data_dir / "files")
        )
        found = await storage.turns.unfinished()
        standin = settings.uses_standin
        polo = await stack.enter_async_context(_relay(settings, clock, standin))
        crew, tickets, metrics = Crew(), Tickets(), Metrics(CollectorRegistry())
        stack.push_async_callback(crew.close)
        health = Health()
        platforms = Platforms(settings, clock, StoredNotes(storage.settings), metrics)
        adapters = await stack.enter_async_context(platforms.made(health.tell, standin=standin))
        desks = {
            one.platform: Desk(one, Pacer(one.pace, clock), clock, storage.files, metrics, settings.answer_messages_max)
            for one in adapters.all
        }
        runner = Runner(
            desks,
            _services(settings, clock, polo, storage, tickets, crew),
            Access(_limits(settings), storage.usage, clock.now),
            Floor(settings.max_running),
            clock,
            metrics,
            settings.language,
        )
        dispatch = Dispatch(runner, tickets, crew, waiting_at_most=settings.max_waiting)
        metrics.watch_turns(lambda: dispatch.running, lambda: dispatch.waiting)
        recovery = Recovery(found, dispatch, runner, repeat_after_crash=settings.repeat_after_crash)
        supervisor = Supervisor(
            adapters.all,
            dispatch,
            clock,
            metrics,
            ready=lambda platform: dispatch.spawn(recovery.take_up(platform), name="recovery"),
        )
        health.supervisor = supervisor
        await stack.enter_async_context(adapters.web)
        wanted = (settings.chat_model, *settings.fallback_models)
        crew.start(look_at_relay(polo, runner.services.models, wanted), name="first look at the relay")
        crew.start(keep_house(storage, clock, settings.retention_days), name="housekeeping")
        yield House(adapters.web, supervisor, dispatch, metrics, standin)


class Health:
    """What /healthz tells: well as long as every adapter is up, or has not had the time to come up yet."""

    def __init__(self) -> None:
        self.supervisor: Supervisor | None = None

    def tell(self) -> Mapping[str, object]:
        """Return each adapter's state; `ok` False makes the page answer 503."""
        adapters = self.supervisor.health() if self.supervisor else {}
        ok = all(one["up"] or not one["failures"] for one in adapters.values())
        return {"ok": ok, "version": VERSION, "adapters": adapters}


@asynccontextmanager
async def _relay(settings: Settings, clock: Clock, standin: bool) -> AsyncIterator[Polo]:
    async with AsyncExitStack() as stack:
        keys, proxy = settings.relay_keys, settings.proxy
        address = settings.polo_base_url
        if standin:
            from polo.standin import StandIn  # noqa: PLC0415 - an operator's process never needs it

            address, proxy = await stack.enter_async_context(StandIn().serving()), None
        yield await stack.enter_async_context(
            Polo.open(RelaySettings(address, keys, proxy), sleep=clock.sleep, monotonic=clock.monotonic)
        )


def _services(
    settings: Settings, clock: Clock, polo: Polo, storage: Database, tickets: Tickets, crew: Crew
) -> Services:
    chat = ChatConfig(
        model=settings.chat_model,
        fallbacks=settings.fallback_models,
        system_prompt=settings.system_prompt,
        history_tokens=settings.history_tokens,
        attachment_bytes=settings.attachment_mb << 20,
        answer_tokens=settings.answer_tokens,
    )
    return Services(
        polo=polo,
        storage=storage,
        models=Models(polo, clock.now),
        conversations=Conversations(polo=polo, storage=storage, chat=chat, background=crew, now=clock.now),
        chat=chat,
        commands=COMMANDS,
        control=tickets,
        background=crew,
        now=clock.now,
    )


def _limits(settings: Settings) -> Limits:
    return Limits(
        owners=frozenset(settings.owners),
        allow=frozenset(settings.allow),
        per_minute=settings.limit_per_minute,
        per_day=settings.limit_per_day,
        tokens_per_day=settings.limit_tokens_per_day,
    )


def _greet(settings: Settings, house: House) -> None:
    """Say in two lines where one can talk to the bot, and who answers."""
    chats = [
        name for name, token in (("Telegram", settings.telegram_token), ("Discord", settings.discord_token)) if token
    ]
    talk = f"Talk to the bot on {' and '.join(chats)}, or" if chats else "No token is set: talk to the bot"
    relay = (
        "No key is set: the stand-in relay answers; set POLO_API_KEY for a real one."
        if house.standin
        else f"The relay at {settings.polo_base_url} answers with {settings.chat_model}."
    )
    sys.stdout.write(f"{talk} on the page at {house.web.address}\n{relay}\n")
    sys.stdout.flush()


def _setting_of(rejected: BaseExceptionGroup[TokenRejected]) -> str:
    """Return the variable that the first rejection names."""
    first = rejected.exceptions[0]
    return _setting_of(first) if isinstance(first, BaseExceptionGroup) else first.setting


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return WRONG_SETTING
