"""The relay's client: what can be asked of it, typed. Opened once with `Polo.open` and handed on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any

from polo.account import balance_in, models_in, read_object
from polo.address import Address, normalise
from polo.answers import batches, gathered
from polo.attempts import Attempts, Sleep
from polo.conversation import ChatRequest
from polo.dialects.openai_chat import Body, encode, request_body, weight, without
from polo.errors import PoloError, RequestInvalid, WireSurprise
from polo.events import Answer, Balance, Event, Model
from polo.keys import KeyRing
from polo.refusals import refused
from polo.settings import RelaySettings
from polo.transport import Call, Incoming, Transport

# Pictures of more bytes than this become base64 in a thread: it takes longer than a tick of the loop may.
_HEAVY = 256 << 10
# A list or a balance is read from the relay's own tables: no reason to wait as for a model.
_QUICK_S = 30.0

# The codes by which a relay names a field, or a value of one, that the model does not take.
_TOO_MUCH = ("unsupported_parameter", "unsupported_value")


class Polo:
    """One relay and the keys to it. Every method raises `PoloError`s only, and is bounded in time by the settings."""

    def __init__(self, transport: Transport, settings: RelaySettings, ring: KeyRing, sleep: Sleep) -> None:
        self._transport = transport
        self._settings = settings
        self._ring = ring
        self._sleep = sleep
        self._address = normalise(settings.base_url)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: RelaySettings,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> AsyncIterator[Polo]:
        """Open the client; nothing is asked of the relay yet. Raises `BadAddress`.

        `sleep` and `monotonic` time the repetitions and the keys' rests; the limits of a call are the loop's.
        """
        normalise(settings.base_url)
        async with Transport.open(settings) as transport:
            yield cls(transport, settings, KeyRing(settings.api_keys, monotonic), sleep)

    @property
    def address(self) -> Address:
        """Return the relay's roots, and the form in which its address was given."""
        return self._address

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        """Ask a model and yield its answer as it is written; `Done` comes last. Close it (`aclosing`) to hang up.

        POST /v1/chat/completions {"model", "messages", "stream": true, ...} -> text/event-stream
        Billed by token once it begins, also when hung up on; so it is repeated only while it was clearly refused.
        An error after the first event leaves what was yielded standing.
        """
        letter = await _Letter.written(request, stream=True)
        attempts = Attempts(self._ring, self._sleep, free=False)
        while True:
            begun = False
            call = Call("POST", self._chat_url, self._settings.first_byte_s, letter.data, "text/event-stream")
            key = await attempts.key()
            try:
                async with self._transport.send(call, key) as incoming:
                    await _accepted(incoming)
                    async with aclosing(batches(incoming, usage_asked=letter.asks_usage)) as coming:
                        async for events in coming:
                            for event in events:
                                begun = True
                                yield event
                return
            except PoloError as error:
                if begun:
                    raise
                letter = await letter.after(error, attempts)

    async def chat(self, request: ChatRequest) -> Answer:
        """Ask a model and return its answer when it is whole.

        POST /v1/chat/completions {"model", "messages", ...} -> {"choices": [{"message": {"content": ".."}}], ..}
        Billed as `stream`. Through this call some channels lose pictures, and all but the last text of Claude's
        answers with tools: prefer `stream` there.
        """
        letter = await _Letter.written(request, stream=False)
        attempts = Attempts(self._ring, self._sleep, free=False)
        while True:
            call = Call("POST", self._chat_url, self._settings.answer_s, letter.data)
            key = await attempts.key()
            try:
                async with self._transport.send(call, key) as incoming:
                    await _accepted(incoming)
                    async with aclosing(batches(incoming, usage_asked=False)) as coming:
                        answer = gathered([event async for events in coming for event in events])
                return answer
            except PoloError as error:
                letter = await letter.after(error, attempts)

    async def models(self) -> tuple[Model, ...]:
        """Return the models that the key may use, by name. Costs nothing, so it is repeated where it breaks.

        GET /v1/models -> {"data": [{"id": "gpt-4.1-mini", "owned_by": "openai", ..}, ..]}
        """
        return models_in(await self._look_up("/models"))

    async def balance(self) -> Balance:
        """Return what the key was granted, has used and has left. Costs nothing, so it is repeated where it breaks.

        Servers that are no relay have no such call: then `WrongAddress` or `WireSurprise` is raised.
        """
        subscription = await self._look_up("/dashboard/billing/subscription")
        usage = await self._look_up("/dashboard/billing/usage")
        balance = balance_in(subscription, usage)
        if balance is None:
            raise WireSurprise(f"no balance in {subscription} and {usage}", status=200, may_have_cost=False)
        return balance

    @property
    def _chat_url(self) -> str:
        return f"{self._address.v1}/chat/completions"

    async def _look_up(self, path: str) -> dict[str, Any]:
        """GET a JSON object that costs nothing."""
        attempts = Attempts(self._ring, self._sleep, free=True)
        call = Call("GET", self._address.v1 + path, min(_QUICK_S, self._settings.first_byte_s))
        while True:
            key = await attempts.key()
            try:
                async with self._transport.send(call, key) as incoming:
                    await _accepted(incoming)
                    body = await incoming.whole()
                    return read_object(
                        body, status=incoming.status, request_id=incoming.request_id, secrets=incoming.secrets
                    )
            except PoloError as error:
                await attempts.again(error)


class _Letter:
    """A request as it is sent, and as it may be mended after the relay's complaint."""

    def __init__(self, body: Body, data: bytes, *, mended: bool = False) -> None:
        self._body = body
        self.data = data
        self._mended = mended

    @classmethod
    async def written(cls, request: ChatRequest, *, stream: bool) -> _Letter:
        """Write a request; one with pictures in a thread."""

        def write() -> _Letter:
            body = request_body(request, stream=stream)
            return cls(body, encode(body))

        return await asyncio.to_thread(write) if weight(request) > _HEAVY else write()

    @property
    def asks_usage(self) -> bool:
        return "stream_options" in self._body

    async def after(self, error: PoloError, attempts: Attempts) -> _Letter:
        """Return what to send next after `error`; raise it where nothing may be sent.

        A field that the model does not support is left out, once: such a request was not begun.
        """
        if isinstance(error, RequestInvalid) and error.code in _TOO_MUCH and not self._mended:
            shorter = without(self._body, error.param)
            if shorter is not None:
                return _Letter(shorter, await asyncio.to_thread(encode, shorter), mended=True)
        await attempts.again(error)
        return self


async def _accepted(incoming: Incoming) -> None:
    """Raise the refusal that an answer is, unless its status says that the call was taken."""
    if not 200 <= incoming.status < 300:
        body = await incoming.beginning()
        raise refused(incoming.status, body, headers=incoming.headers, secrets=incoming.secrets)
