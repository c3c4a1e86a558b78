"""The command line: it parses, calls the library, and reports. The only room that prints."""

import signal
import sys
from importlib import import_module

import click

from fxnorm import __version__
from fxnorm.errors import FxnormError, RunError

# Each verb is a module of its own, and imports what it works with only when it runs: `fxnorm --help` stays quick.
VERBS = ("demo", "corpus", "stats", "normalize", "domain-gap", "train", "mix", "evaluate", "models")


class Terminated(KeyboardInterrupt):
    """Somebody asked the process to end, as a scheduler does: the same as Ctrl-C."""


class Verbs(click.Group):
    """Verbs by name, imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"fxnorm.cli.{name}"), name)
        return command


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="fxnorm")
def cli() -> None:
    """Turn finished ("wet") music stems into pseudo-dry ones.

    Measure the average EQ, compression, panning and loudness of a folder of stems, push every stem to them, and train
    networks that learn to undo it.
    """


def main() -> None:
    """Run the command line.

    Every foreseen error is one line. Exit code 2: the input is wrong; 1: something failed, what could be done is done;
    130 and 143: interrupted.
    """
    signal.signal(signal.SIGTERM, _terminate)
    try:
        sys.exit(cli.main(prog_name="fxnorm", standalone_mode=False))
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "fxnorm"
        _fail(f"{error.format_message().rstrip('.')}; see '{command} --help'")
    except click.ClickException as error:
        _fail(error.format_message())
    except RunError as error:
        _fail(str(error), code=1)
    except FxnormError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or 'a file'}: {error.strerror or error}; check the path, its permissions and the disk")
    except (click.Abort, KeyboardInterrupt) as error:
        click.echo("fxnorm: interrupted; finished work is kept: run the same command again to go on", err=True)
        sys.exit(143 if isinstance(error.__cause__ or error, Terminated) else 130)


def _fail(message: str, *, code: int = 2) -> None:
    click.echo(f"fxnorm: error: {' '.join(message.split())}", err=True)
    sys.exit(code)


def _terminate(*_: object) -> None:
    raise Terminated
