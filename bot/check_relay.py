"""What `polobot check` asks the relay: the address, each key, the models, the balance. Nothing of it is billed."""

from __future__ import annotations

import difflib

from bot.finding import Finding
from bot.settings import Settings
from polo import (
    AccessDenied,
    Balance,
    KeyRejected,
    Model,
    OutOfCredit,
    Polo,
    PoloError,
    RelayBusy,
    RelaySettings,
    RelayUnreachable,
    WireSurprise,
    WrongAddress,
    normalise,
)

HELP: dict[type[PoloError], str] = {
    KeyRejected: "Copy POLO_API_KEY again from the relay's page.",
    OutOfCredit: "Top up the account at the relay, or raise the key's limit there.",
    AccessDenied: "Allow the key this server's address and the models' group at the relay.",
    WrongAddress: "Correct POLO_BASE_URL: the relay's host is enough.",
    RelayUnreachable: "Check POLO_BASE_URL, the network, and PROXY_URL where you need one.",
    RelayBusy: "Try again in a minute.",
    PoloError: "Try again later; if it stays so, ask the relay's support.",
}


async def relay(settings: Settings, *, timeout_s: float) -> list[Finding]:
    """Look at the relay with each key; `timeout_s` bounds each call."""
    if settings.uses_standin:
        return [Finding("relay", True, "the built-in stand-in answers: no key", "For real models, set POLO_API_KEY.")]
    address = normalise(settings.polo_base_url)
    findings = [Finding("relay address", True, f"{address.v1}, given as {address.form}")]
    keys = settings.relay_keys
    for place, key in enumerate(keys, start=1):
        name = "relay key" if len(keys) == 1 else f"relay key {place} of {len(keys)}"
        findings += await _with_key(settings, key, name, timeout_s)
        if not findings[-1].ok and findings[-1].what == "relay":
            break  # it is not the key: the others would say the same
    return findings


async def _with_key(settings: Settings, key: str, name: str, timeout_s: float) -> list[Finding]:
    told = RelaySettings(
        settings.polo_base_url,
        (key,),
        proxy=settings.proxy,
        connect_s=timeout_s,
        first_byte_s=timeout_s,
        between_chunks_s=timeout_s,
        whole_s=timeout_s,
    )
    async with Polo.open(told, sleep=_not_again) as polo:
        try:
            offered = await polo.models()
        except (KeyRejected, OutOfCredit, AccessDenied) as error:
            return [Finding(name, False, f"{_kind(error)}: {error}", help_for(error))]
        except PoloError as error:
            return [Finding("relay", False, f"{_kind(error)}: {error}", help_for(error))]
        balance = await _balance(polo, name)
    chosen = (settings.chat_model, *settings.fallback_models)
    return [Finding(name, True, f"accepted, {len(offered)} models"), balance, *missing(chosen, offered)]


async def _not_again(_: float) -> None:
    """Wait for nothing: a check asks again at once rather than later."""


async def _balance(polo: Polo, name: str) -> Finding:
    what = name.replace("key", "balance")
    try:
        return balance_finding(what, await polo.balance())
    except (WrongAddress, WireSurprise):
        return Finding(what, True, "this server tells none")
    except PoloError as error:
        return Finding(what, False, f"{_kind(error)}: {error}", help_for(error))


def balance_finding(what: str, balance: Balance) -> Finding:
    """Say how much is left."""
    if balance.remaining is None:
        return Finding(what, True, f"no limit; {balance.used} used so far", "Set a limit for the key at the relay.")
    said = f"{balance.remaining} of {balance.granted} left"
    return Finding(what, balance.remaining > 0, said, "" if balance.remaining > 0 else HELP[OutOfCredit])


def missing(chosen: tuple[str, ...], offered: tuple[Model, ...]) -> list[Finding]:
    """Name the chosen models that the relay does not offer, and offered ones with a similar name."""
    names = [model.id for model in offered]
    findings = []
    for place, model in enumerate(chosen):
        variable = "FALLBACK_MODELS" if place else "CHAT_MODEL"
        if model in names:
            findings.append(Finding(variable, True, f"{model} is offered"))
            continue
        alike = difflib.get_close_matches(model, names, n=3, cutoff=0.5)
        advice = f"Offered are for example {', '.join(alike)}." if alike else "Choose one that the relay offers."
        findings.append(Finding(variable, False, f"{model} is not offered to this key", advice))
    return findings


def help_for(error: PoloError) -> str:
    """Say what helps against an error of the relay."""
    return next(HELP[kind] for kind in type(error).__mro__ if kind in HELP)


def _kind(error: PoloError) -> str:
    """Return the error's class in words: `KeyRejected` -> `key rejected`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in type(error).__name__).strip()
