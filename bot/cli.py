"""The command line: `polobot run`, `check`, `standin`, `version`. Exit codes: 0 well, 1 broke, 2 a wrong setting."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import structlog

from bot.instance import DataFolderProblem, only_one
from bot.log import configure
from bot.settings import Settings, SettingsProblem
from bot.version import VERSION

WRONG_SETTING = 2
T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    given = _parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = given.command
    try:
        return command(given)
    except SettingsProblem as problem:
        return _refuse(*problem.sentences)
    except DataFolderProblem as problem:
        return _refuse(str(problem))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="polobot", description="A whole AI relay on Telegram, on Discord and on a local page."
    )
    commands = parser.add_subparsers(title="commands", required=True, metavar="command")

    run = commands.add_parser("run", help="start the bot")
    run.set_defaults(command=_run)

    check = commands.add_parser("check", help="tell what works, what does not, and what to do about it")
    check.set_defaults(command=_check)

    standin = commands.add_parser("standin", help="start the stand-in relay alone, to develop against it")
    standin.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    standin.add_argument("--port", type=_port, default=8090, help="port to listen on; 0: any (default: %(default)s)")
    standin.set_defaults(command=_standin)

    version = commands.add_parser("version", help="print the version")
    version.set_defaults(command=_version)
    return parser


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError("must be a whole number from 0 to 65535")
    return int(text)


def _run(_: argparse.Namespace) -> int:
    settings = Settings.load(os.environ)
    configure(form=settings.log_format, level=settings.log_level, secrets=settings.secrets())
    for remark in settings.remarks:
        structlog.get_logger("bot.settings").warning(remark)
    gc.disable()  # nothing of what is loaded now goes away again; `bot.app` enables it
    with only_one(settings.data_dir):
        # The bot's parts are many; a wrong setting is told before they are loaded.
        from bot.app import run  # noqa: PLC0415
        from storage.database import DatabaseProblem  # noqa: PLC0415

        try:
            return _complete(run(settings))
        except DatabaseProblem as problem:
            return _refuse(f"DATABASE_URL: {problem}")


def _check(_: argparse.Namespace) -> int:
    settings = Settings.load(os.environ)
    configure(form=settings.log_format, level="warning", secrets=settings.secrets())
    from bot.check import check  # noqa: PLC0415

    return _complete(check(settings, sys.stdout))


def _standin(given: argparse.Namespace) -> int:
    configure()
    return _complete(_serve_standin(given.host, given.port))


def _version(_: argparse.Namespace) -> int:
    sys.stdout.write(f"polobot {VERSION}\n")
    return 0


async def _serve_standin(host: str, port: int) -> int:
    """Serve the stand-in relay until the process is told to stop."""
    from polo.standin import StandIn  # noqa: PLC0415

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with StandIn().serving(host, port) as address:
            sys.stdout.write(f"The stand-in relay listens at {address} (POLO_BASE_URL={address}, any key).\n")
            sys.stdout.flush()
            await stop.wait()
    except OSError as error:
        return _refuse(f"--port: {host}:{port} cannot be listened on ({error.strerror or error}).")
    return 0


def _complete(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on the fastest event loop there is."""
    factory = None
    with contextlib.suppress(ImportError):  # not built for every platform
        import uvloop  # noqa: PLC0415

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


def _refuse(*sentences: str) -> int:
    for sentence in sentences:
        sys.stderr.write(f"{sentence}\n")
    return WRONG_SETTING
