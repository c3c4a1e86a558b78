"""Documentation: links resolve, commands and options exist, tables of file formats match the code."""

import json
import re
import shlex
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

import fxnorm
from fxnorm import recipe
from fxnorm.cli import cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts)]
SCRIPTS = sorted((ROOT / "shell").glob("*.sh"))

BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`((?:fxnorm|bash shell/|python -m tests)[^`]*)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
PLACEHOLDERS = {"VERB", "COMMAND"}


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def commands(text: str, program: str) -> Iterator[list[str]]:
    """Arguments of each call of a program in the code of a page."""
    lines = "\n".join([*BLOCK.findall(text), *INLINE.findall(text.replace("\n", " "))])
    for line in lines.replace("\\\n", " ").splitlines():
        for call in re.split(r"&&|\|\||;|\$\(", line):
            arguments = shlex.split(call, comments=True)
            if arguments[: len(program.split())] == program.split():
                yield arguments[len(program.split()) :]


def parse(arguments: list[str]) -> None:
    """Check the verbs and options of a call; raise `click.UsageError` or `AssertionError`."""
    command: click.Command = cli
    while isinstance(command, click.Group) and arguments and not arguments[0].startswith("-"):
        context = click.Context(command)
        if arguments[0] in PLACEHOLDERS:
            return
        subcommand = command.get_command(context, arguments[0])
        assert subcommand is not None, f"no verb {arguments[0]!r}"
        command, arguments = subcommand, arguments[1:]
    known = {name: option for option in command.params if isinstance(option, click.Option) for name in option.opts}
    known |= {name: option for option in known.values() for name in option.secondary_opts}
    flags = {name for name, option in known.items() if option.is_flag or option.count} | {"--help", "-h", "--version"}
    position = 0
    while position < len(arguments):
        name, equals, _ = arguments[position].partition("=")
        if name.startswith("-"):
            assert name in known or name in flags, f"no option {name} of {command.name}"
            position += name not in flags and not equals
        position += 1


def recipe_keys(group: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Dotted keys of a recipe."""
    for name, field in group.model_fields.items():
        yield prefix + name
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from recipe_keys(field.annotation, f"{prefix}{name}.")


def anchors(path: Path) -> set[str]:
    """Anchors of the headings of a page."""
    headings = re.findall(r"^#{1,4} (.+)$", re.sub(r"^```.*?^```", "", read(path), flags=re.M | re.S), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_relative_links_resolve(page: Path) -> None:
    for link in LINK.findall(read(page)):
        if link.startswith(("http:", "https:")):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        generated = target.with_suffix(".rst")  # pages generated from docstrings start from one
        assert target.exists() or generated.exists(), f"{link} does not exist"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page: Path) -> None:
    for arguments in commands(read(page), "fxnorm"):
        parse(arguments)
    for script, *_ in commands(read(page), "bash"):
        assert (ROOT / script).is_file(), f"no script {script}"
    for module, *_ in commands(read(page), "python -m"):
        assert any((ROOT / module.replace(".", "/")).with_suffix(suffix).exists() for suffix in (".py", "")), module


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_recipe_keys_exist(page: Path) -> None:
    known = {*recipe_keys(recipe.Recipe), *recipe_keys(recipe.BoostedRecipe)}
    calls = [*commands(read(page), "fxnorm train"), *commands(read(page), "bash")]
    keys = {word.partition("=")[0] for call in calls for word in call if "=" in word and not word.startswith("-")}
    keys |= set(re.findall(r"`((?:network|data|optimizer|validation)\.\w+)`", read(page)))
    assert not {key for key in keys if key not in known and not key.startswith("network.settings.")}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_call_existing_commands(script: Path) -> None:
    for call in re.findall(r"^\s*(?:exec )?fxnorm (.*)$", read(script), re.MULTILINE):
        parse([argument for argument in shlex.split(call, comments=True) if not argument.startswith("$")])


@pytest.mark.parametrize("call", ["nothing", "stats nothing x", "mix --nothing", "train recipe.yaml -x y"])
def test_a_command_that_does_not_exist_is_noticed(call: str) -> None:
    with pytest.raises(AssertionError, match=r"no (verb|option)"):
        parse(call.split())


def test_the_readme_fits_on_a_few_screens() -> None:
    assert len(read(ROOT / "README.md").splitlines()) <= 150


def test_every_verb_is_in_the_help() -> None:
    text = click.Context(cli, info_name="fxnorm").get_help()
    modules = {path.stem for path in (ROOT / "fxnorm" / "cli").glob("*.py")} - {"__init__", "options"}
    assert modules == {name.replace("-", "_") for name in cli.list_commands(click.Context(cli))}
    assert all(f"  {name}" in text for name in cli.list_commands(click.Context(cli)))


def documented_keys(section: str) -> set[str]:
    """Keys in the first column of the table of a section of the formats page."""
    text = read(ROOT / "docs" / "reference" / "formats.md").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (.+?) \|", text, re.MULTILINE)
    return {key for row in rows for key in re.findall(r"`(\w+)`", row)}


def test_the_statistics_format_is_documented() -> None:
    shipped = fxnorm.FxStats.shipped()
    assert set(shipped.to_dict()) <= documented_keys("Statistics")
    content = json.loads((resources.files("fxnorm.shipped") / "musdb18.json").read_text(encoding="utf-8"))
    assert set(content) <= documented_keys("Statistics")


def test_the_changelog_and_the_citation_name_this_version() -> None:
    assert f"## {fxnorm.__version__}" in read(ROOT / "CHANGELOG.md")
    assert f"version: {fxnorm.__version__}" in read(ROOT / "docs" / "CITATION.cff")
