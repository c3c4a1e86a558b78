"""Command line: each verb is a module that parses its options, calls the library and reports."""

import io
import signal
import sys
from importlib import import_module

import click

from fxnorm import __version__
from fxnorm.errors import FxnormError, RunError

# The verbs by reader, with the line that `fxnorm --help` shows. The module of a verb is imported only when the verb is
# called, so `fxnorm --help` stays fast.
VERBS = {
    "Mix your own recordings": {
        "demo": "Run the whole workflow on synthetic songs, in minutes.",
        "mix": "Mix stems or folders of songs, with or without a trained model.",
        "console": "Make, show and render the document of a mix.",
        "master": "Bring a mix to a loudness under a true-peak ceiling.",
        "style": "List, show, measure and validate styles of mixes.",
        "models": "List the networks, or describe a trained model.",
    },
    "Prepare data, train models and evaluate them": {
        "corpus": "Make, check or unpack a corpus of songs.",
        "stats": "Measure, show, plot, compare or merge average features.",
        "normalize": "Match every stem of a corpus to average features.",
        "domain-gap": "Measure how normalising narrows the wet/dry difference.",
        "train": "Train a network or boosted trees from a recipe.",
        "evaluate": "Score models and mixes against reference mixes.",
    },
}


class Terminated(KeyboardInterrupt):
    """SIGTERM, handled like Ctrl-C."""


class VerbGroup(click.Group):
    """Top-level group that imports verbs by name and lists them by reader, before the options."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the verbs in the order of the help."""
        return [verb for verbs in VERBS.values() for verb in verbs]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb."""
        if cmd_name not in self.list_commands(ctx):
            return None
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"fxnorm.cli.{name}"), name)
        return command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs, then the options."""
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each kind of reader."""
        width = max(map(len, self.list_commands(ctx)))
        for title, verbs in VERBS.items():
            with formatter.section(title):
                formatter.write_dl([(verb.ljust(width), line) for verb, line in verbs.items()])


@click.group(cls=VerbGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="fxnorm")
def cli() -> None:
    """Normalise the effects of music stems, and train and use automatic mixing models.

    Start with `fxnorm demo`; `fxnorm VERB --help` lists the options of a verb.
    """


def main() -> None:
    """Run the command line.

    Every expected error is reported in one line on standard error.

    Notes
    -----
    Exit codes: 2 for wrong input; 1 if part of the work failed (the rest is finished); 130 and 143 after Ctrl-C and
    SIGTERM.
    """
    signal.signal(signal.SIGTERM, _terminate)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for names that its encoding lacks, as on standard error
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
