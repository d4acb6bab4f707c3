"""What `polobot check` asks Telegram and Discord."""

from __future__ import annotations

from urllib.parse import urlsplit

from bot.clock import SystemClock
from bot.discord.adapter import DiscordAdapter, Examined
from bot.discord.rest import RefusedWith
from bot.finding import Finding
from bot.ports import DeliveryError
from bot.settings import Settings
from bot.telegram.examine import PROBE_S, Examination, examine

TELEGRAM_PROBE_S = float(PROBE_S)


class NoNotes:
    """Nothing is remembered: a look changes nothing."""

    async def get(self, name: str) -> str | None:
        """Return nothing."""
        return None

    async def put(self, name: str, value: str) -> None:
        """Forget it."""


async def telegram(settings: Settings, *, probe: bool) -> list[Finding]:
    """Look at the Telegram bot. `probe`: also whether another process polls (a running poller notices)."""
    if settings.telegram_token is None:
        return [Finding("Telegram", True, "not used: no token", "To use it, set TELEGRAM_TOKEN.")]
    found = await examine(
        settings.telegram_token.get_secret_value(),
        settings.telegram_api_base_url,
        settings.proxy,
        probe=probe,
    )
    return telegram_findings(found, webhook_url=settings.telegram_webhook_url)


def telegram_findings(found: Examination, *, webhook_url: str | None) -> list[Finding]:
    """Say what an examination means. `webhook_url`: what the settings want."""
    if not found.reachable:
        return [Finding("Telegram", False, found.problem, "Check the network, PROXY_URL and TELEGRAM_API_BASE_URL.")]
    if not found.token_ok:
        return [Finding("Telegram token", False, found.problem, "Copy TELEGRAM_TOKEN again from @BotFather.")]
    return [
        Finding("Telegram token", True, f"logged in as {found.name}"),
        *_groups(found),
        *_updates(found, webhook_url),
    ]


def _groups(found: Examination) -> list[Finding]:
    if not found.can_join_groups:
        advice = "For groups: /setjoingroups at @BotFather, Enable."
        return [Finding("Telegram groups", True, "the bot may not be added to groups", advice)]
    if not found.reads_all_group_messages:
        advice = "For mentions: /setprivacy at @BotFather, Disable, then add the bot to its groups again."
        return [Finding("Telegram groups", True, "privacy mode is on: it hears commands and replies only", advice)]
    return [Finding("Telegram groups", True, "it hears everything, and answers when it is meant")]


def _updates(found: Examination, wanted: str | None) -> list[Finding]:
    """Tell how updates come: who else takes them, and what Telegram complains of."""
    what = "Telegram updates"
    if found.second_poller:
        advice = "Stop the other process with this token, or make a new token at @BotFather (/revoke)."
        return [Finding(what, False, "another process takes this bot's messages", advice)]
    if found.webhook_url and found.webhook_url != wanted:
        said = f"a webhook at {urlsplit(found.webhook_url).hostname} is set; the bot takes it away when it starts"
        return [Finding(what, False, said, "Stop what set it: two programs with one token fight for its messages.")]
    if found.webhook_url and found.webhook_error:
        advice = "TELEGRAM_WEBHOOK_URL must lead to WEB_HOST:WEB_PORT, with a valid certificate."
        return [Finding(what, False, f"Telegram cannot deliver: {found.webhook_error}", advice)]
    how = "by webhook" if wanted else "by long polling"
    return [Finding(what, True, f"come {how}; {found.pending_updates} waiting")]


async def discord(settings: Settings) -> list[Finding]:
    """Look at the Discord application without connecting to the gateway."""
    if settings.discord_token is None:
        return [Finding("Discord", True, "not used: no token", "To use it, set DISCORD_TOKEN.")]
    async with DiscordAdapter(
        token=settings.discord_token.get_secret_value(),
        commands=(),
        clock=SystemClock(),
        notes=NoNotes(),
        api_base_url=settings.discord_api_base_url,
        gateway_url=settings.discord_gateway_url,
        proxy=settings.proxy,
    ) as adapter:
        try:
            return discord_findings(await adapter.examine())
        except RefusedWith as refusal:
            return [Finding("Discord", False, f"refused: {refusal}", "Check DISCORD_API_BASE_URL.")]
        except DeliveryError:
            advice = "Check the network, PROXY_URL and DISCORD_API_BASE_URL."
            return [Finding("Discord", False, "no answer from the API", advice)]


def discord_findings(found: Examined) -> list[Finding]:
    """Say what an examination means."""
    if not found.token_ok:
        advice = "Copy DISCORD_TOKEN again: developer portal, Bot, Reset Token."
        return [Finding("Discord token", False, "Discord does not know this token", advice)]
    findings = [Finding("Discord token", True, f"logged in as {found.name}, in {found.servers} servers")]
    if found.message_content:
        findings.append(Finding("Discord intent", True, "message content is enabled"))
    else:
        advice = "Developer portal, Bot, switch on Message Content Intent; commands and mentions work without."
        findings.append(Finding("Discord intent", False, "message content is not enabled", advice))
    if found.interactions_sent_to:
        host = urlsplit(found.interactions_sent_to).hostname
        advice = "Developer portal, General Information: empty Interactions Endpoint URL."
        findings.append(Finding("Discord commands", False, f"commands and buttons go to {host} instead", advice))
    return findings
