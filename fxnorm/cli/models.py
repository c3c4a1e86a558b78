"""fxnorm models: which networks there are, and what a trained one is."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fxnorm.cli import options
from fxnorm.errors import InputError

if TYPE_CHECKING:
    from fxnorm.models.base import Network


@click.command()
@click.argument("run", metavar="[RUN]", required=False, type=options.ANY_PATH)
@options.as_json
def models(run: Path | None, as_json: bool) -> None:
    """List the networks and their presets; with RUN, a trained run or a checkpoint, tell what it is."""
    if run is None:
        _list(as_json)
    else:
        _show(run, as_json)


def _list(as_json: bool) -> None:
    from fxnorm import models as rooms

    found: list[dict[str, Any]] = []
    for name in rooms.NAMES:
        for preset in rooms.presets(name):
            entry: dict[str, Any] = {"network": name, "preset": preset}
            try:
                network = rooms.build(name, preset)
                found.append(entry | {"parameters": _count(network), "guard_samples": network.guard})
            except InputError as error:
                found.append(entry | {"problem": str(error)})
    if as_json:
        click.echo(json.dumps(found))
        return
    rows = [["network", "preset", "parameters", "guard, samples"]]
    rows += [
        [one["network"], one["preset"], f"{one['parameters']:,}", f"{one['guard_samples']:,}"]
        if "parameters" in one
        else [one["network"], one["preset"], "–", "–"]
        for one in found
    ]
    options.print_table(rows)
    for problem in dict.fromkeys(one["problem"] for one in found if "problem" in one):
        click.echo(problem)


def _show(run: Path, as_json: bool) -> None:
    from fxnorm import models as rooms

    checkpoint = rooms.load(run)
    network, chain = checkpoint.network, checkpoint.chain
    card: dict[str, Any] = {
        "network": network.name,
        "settings": network.settings.model_dump(mode="json"),
        "parameters": _count(network),
        "chain": chain.to_dict() if chain is not None else None,
        "recipe": dict(checkpoint.recipe),
        "history": [dict(row) for row in checkpoint.history],
        "fxnorm": checkpoint.version,
    }
    if as_json:
        click.echo(json.dumps(card))
        return
    click.echo(f"{run}: {network.name}, {card['parameters']:,} parameters, by fxnorm {checkpoint.version}")
    click.echo("settings: " + ", ".join(f"{key} {value}" for key, value in card["settings"].items()))
    if chain is not None:
        effects = ", ".join(chain.settings.active)
        click.echo(f"stems normalised to: {chain.stats.title} (signature {chain.stats.signature}), {effects}")
    if checkpoint.history:
        last = checkpoint.history[-1]
        figures = ", ".join(f"{name} {options.figure(last.get(name), 3)}" for name in ("train", "valid", "sum"))
        click.echo(f"trained for {len(checkpoint.history)} epochs: {figures}")


def _count(network: "Network") -> int:
    return sum(weight.numel() for weight in network.parameters())
