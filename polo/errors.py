"""What goes wrong with a relay, named by who can help.

PoloError
  PersonCanHelp      say it differently, or less of it
    PromptRefused      a moderation said no
    TooLong            the conversation exceeds the model's context
  OperatorCanHelp    a key, an account, a setting
    KeyRejected        the key is wrong, expired or disabled
    OutOfCredit        the key or the account has no money left
    ModelMissing       no channel offers this model to the key's group
    AccessDenied       the key may not use this model, group or address
    WrongAddress       a web page or an unknown path answered: the base URL is wrong
  TimeCanHelp        wait and try again
    RelayBusy          too many requests
    RelayUnreachable   no connection: nothing was sent
    RelaySilent        no answer within the limit after sending: it may have been billed
    RelayBroke         it failed, or the connection broke
  WeCanHelp          a mistake of this program
    RequestInvalid     the relay does not understand the request
    WireSurprise       we do not understand the answer
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SAID_LIMIT = 500  # bytes of the relay's words that are kept
# Longer texts are cut before they are searched for secrets: an error page can be megabytes.
_SEARCHED = 8192  # characters

_SECRETS = re.compile(
    r"""(?P<key>\bsk-)[\w*-]{3,}                      # relay and vendor keys
      | (?P<bearer>\bBearer\s+)[^\s"',;]+             # authorisation headers
      | (?P<query>[?&](?:key|api_key|token)=)[^&\s"'<>]+
      | (?P<login>://)[^/\s@"'<>]+(?=@)               # user:password of an address
      | (?P<telegram>(?<!\d)\d{6,}:)[\w-]{30,}             # a Telegram bot's token
      | \b[MNO][\w-]{22,}\.[\w-]{6}\.[\w-]{27,}       # a Discord bot's token
    """,
    re.VERBOSE | re.IGNORECASE,
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return `text` with keys, tokens and passwords replaced by `***`.

    What looks like one is found by its form; `secrets` are further ones, known word for word.
    """
    for secret in sorted((s for s in secrets if len(s) > 3), key=len, reverse=True):
        text = text.replace(secret, "***")
    return _SECRETS.sub(lambda found: (found[found.lastgroup] if found.lastgroup else "") + "***", text)


def excerpt(said: str | bytes, secrets: Iterable[str] = ()) -> str:
    """Return the first 500 bytes of what a relay said, redacted, as text that any log can hold."""
    text = said[: _SEARCHED * 4].decode("utf-8", "replace") if isinstance(said, bytes) else said
    clean = redact(text[:_SEARCHED], secrets).encode("utf-8", "replace")
    return clean[:SAID_LIMIT].decode("utf-8", "ignore")


class PoloError(Exception):
    """A call of the relay failed. `said` is for the log: the relay's words, redacted, at most 500 bytes.

    `may_have_cost` is True once bytes were sent and no clear refusal came back; such a call is never repeated
    unasked. `retry_after_s` is how long the relay asks us to wait, in seconds. `param` is the request field it
    complains about.
    """

    _may_have_cost = False  # a class's default

    def __init__(
        self,
        said: str,
        *,
        status: int | None = None,
        request_id: str = "",
        code: str = "",
        param: str = "",
        retry_after_s: float | None = None,
        may_have_cost: bool | None = None,
    ) -> None:
        self.said = excerpt(said)
        self.status = status
        self.request_id = request_id
        self.code = excerpt(code)
        self.param = param
        self.retry_after_s = retry_after_s
        self.may_have_cost = self._may_have_cost if may_have_cost is None else may_have_cost
        super().__init__(self.said)

    def __str__(self) -> str:
        """Say it in one line, for the log."""
        named = self.request_id and self.request_id not in self.said  # relays often say it themselves
        facts = (str(self.status or ""), self.code, self.said, f"(request id: {self.request_id})" if named else "")
        return " ".join(fact for fact in facts if fact)

    def again(self) -> PoloError:
        """Return a fresh copy: an exception raised twice would drag the first one's traceback along."""
        return type(self)(
            self.said,
            status=self.status,
            request_id=self.request_id,
            code=self.code,
            param=self.param,
            retry_after_s=self.retry_after_s,
            may_have_cost=self.may_have_cost,
        )


class PersonCanHelp(PoloError):
    """The person can say it differently."""


class PromptRefused(PersonCanHelp):
    """A moderation refused the words or the answer to them."""


class TooLong(PersonCanHelp):
    """The conversation is longer than the model's context: send less of it."""


class OperatorCanHelp(PoloError):
    """Only the bot's operator can mend it."""


class KeyRejected(OperatorCanHelp):
    """The key is wrong, missing, expired or disabled."""


class OutOfCredit(OperatorCanHelp):
    """The key or the account is empty, or holds less than this call reserves. Hides behind 401, 403 and 429."""


class ModelMissing(OperatorCanHelp):
    """No channel offers the model to this key: another name, another group, or all channels are down."""


class AccessDenied(OperatorCanHelp):
    """The key may not do this: model, group, address or account are barred."""


class WrongAddress(OperatorCanHelp):
    """A web page, a redirect or an unknown path answered: the base URL is wrong."""


class TimeCanHelp(PoloError):
    """It may work later."""


class RelayBusy(TimeCanHelp):
    """Too many requests, here or upstream; nothing was done."""


class RelayUnreachable(TimeCanHelp):
    """No connection could be made; nothing was sent."""


class RelaySilent(TimeCanHelp):
    """No answer, or no more of it, within the limit. It may have been done, and billed."""

    _may_have_cost = True


class RelayBroke(TimeCanHelp):
    """The relay failed or the connection broke. It may have been done, and billed."""

    _may_have_cost = True


class WeCanHelp(PoloError):
    """This program made a mistake."""


class RequestInvalid(WeCanHelp):
    """The relay does not take the request as it is."""


class WireSurprise(WeCanHelp):
    """The answer cannot be understood; `said` holds its beginning. It may have been billed."""

    _may_have_cost = True
