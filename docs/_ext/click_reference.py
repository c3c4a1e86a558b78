"""Directive `click-reference`: the options and arguments of every verb, read from the click group."""

from collections.abc import Iterator
from importlib import import_module

import click
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class ClickReference(SphinxDirective):
    """Document a click group, `module:attribute`: a section per verb, with usage, help and a list of options."""

    required_arguments = 1
    option_spec = {"prog": str}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """Return a section for each verb."""
        module, _, attribute = self.arguments[0].partition(":")
        group = getattr(import_module(module), attribute)
        context = click.Context(group, info_name=self.options.get("prog", group.name), max_content_width=100)
        return [section for verb in subcommands(context) for section in self._document(verb)]

    def _document(self, context: click.Context) -> list[nodes.Node]:
        command, path = context.command, context.command_path
        section = nodes.section(ids=[nodes.make_id(path)], names=[path])
        self.state.document.note_explicit_target(section)
        section += nodes.title(path, path)
        lines = StringList(list(render(context)), source=f"<{path}>")
        self.state.nested_parse(lines, self.content_offset, section)
        if isinstance(command, click.Group):
            for verb in subcommands(context):
                section += self._document(verb)
        return [section]


def subcommands(context: click.Context) -> Iterator[click.Context]:
    """Yield a context for each command of a group, in the order of its help."""
    group = context.command
    assert isinstance(group, click.Group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield click.Context(command, info_name=name, parent=context)


def render(context: click.Context) -> Iterator[str]:
    """Yield Markdown: the usage, the help, and a definition list of the options."""
    command = context.command
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield from ("```text", usage, "```", "", *_paragraphs(command.help or ""), "")
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is None or "--help" in parameter.opts:
            continue
        names, text = record
        yield from (f"`{names}`", f": {text}", "") if text else (f"`{names}`", "")


def _paragraphs(text: str) -> list[str]:
    return [line.strip() for line in text.replace("\b", "").splitlines()]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("click-reference", ClickReference)
    return {"parallel_read_safe": True}
