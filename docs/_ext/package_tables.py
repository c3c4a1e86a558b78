"""Directives `metrics-table`, `processors-table` and `public-names`: tables read from the package."""

from collections.abc import Iterator
from dataclasses import MISSING, fields

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import fxnorm
from fxnorm.console.processor import PROCESSORS
from fxnorm.console.settings import Settings, own_parameters
from fxnorm.evaluation.metrics import METRICS

KINDS = {str: "text", bool: "true or false", int: "whole number"}


class Table(SphinxDirective):
    """A table whose rows, in the markup of the page, come from `rows`."""

    def run(self) -> list[nodes.Node]:
        """Return the parsed rows."""
        container = nodes.container()
        self.state.nested_parse(StringList(list(self.rows()), source=self.name), self.content_offset, container)
        return container.children

    def rows(self) -> Iterator[str]:
        """Yield lines of markup."""
        raise NotImplementedError


class MetricsTable(Table):
    """Markdown table of every metric with its unit, its invariances and its definition."""

    def rows(self) -> Iterator[str]:
        """Yield the rows."""
        yield "| key | title | unit | better | ignores gain | ignores L/R swap | definition |"
        yield "| --- | --- | --- | --- | --- | --- | --- |"
        for key, metric in METRICS.items():
            better = "lower" if metric.lower_is_better else "higher"
            flags = ("yes" if flag else "no" for flag in (metric.ignores_level, metric.ignores_swap))
            cells = (f"`{key}`", metric.title, metric.unit or "–", better, *flags, metric.description)
            yield "| " + " | ".join(cells) + " |"


class ProcessorsTable(Table):
    """Markdown table of the settings of every processor of a console."""

    def rows(self) -> Iterator[str]:
        """Yield the rows."""
        yield "| processor | setting | range | default |"
        yield "| --- | --- | --- | --- |"
        for name, kind in PROCESSORS.items():
            yield f"| **{name}** | {(kind.__doc__ or '').strip().splitlines()[0]} | | |"
            yield from self._settings(kind, "")

    def _settings(self, kind: type[Settings], prefix: str) -> Iterator[str]:
        own = own_parameters(kind)
        for field in fields(kind):
            name = f"`{prefix}{field.name}`"
            if field.name in own:
                item = own[field.name]
                scale = ", log" if item.scale == "log" else ""
                off = f", {item.off:g} for off" if item.off is not None else ""
                span = (
                    f"{item.low} to {item.high}" if field.type is int else f"{item.low:g} to {item.high:g} {item.unit}"
                )
                yield f"| | {name} | {span.rstrip()}{scale}{off} | {item.default:g} |"
            elif field.name in kind.SECTIONS:
                yield from self._settings(kind.SECTIONS[field.name], f"{prefix}{field.name}[].")
            else:
                choices = ", ".join(str(choice) for choice in kind.CHOICES.get(field.name, ())) or KINDS[field.type]
                yield f"| | {name} | {choices} | {'' if field.default is MISSING else field.default} |"


class PublicNames(Table):
    """List of links to the classes and functions that can be imported from `fxnorm` itself."""

    def rows(self) -> Iterator[str]:
        """Yield the items."""
        for name in fxnorm.__all__:
            value = getattr(fxnorm, name)
            if callable(value):
                summary = (value.__doc__ or "").strip().splitlines()[0]
                yield f"- :py:obj:`fxnorm.{name} <{value.__module__}.{value.__qualname__}>`: {summary}"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives."""
    app.add_directive("metrics-table", MetricsTable)
    app.add_directive("processors-table", ProcessorsTable)
    app.add_directive("public-names", PublicNames)
    return {"parallel_read_safe": True}
