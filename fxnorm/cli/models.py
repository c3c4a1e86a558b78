"""fxnorm models: which models there are, and what a trained one is."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fxnorm.cli import options
from fxnorm.errors import InputError

if TYPE_CHECKING:
    from fxnorm.models.base import Network
    from fxnorm.models.checkpoint import Checkpoint
    from fxnorm.models.gbdt.model import Boosted


@click.command()
@click.argument("run", metavar="[RUN]", required=False, type=options.ANY_PATH)
@options.as_json
def models(run: Path | None, as_json: bool) -> None:
    """List the models and their presets; with RUN, a trained run or a checkpoint, tell what it is."""
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
    found.append({"network": rooms.BOOSTED, "preset": "default"})  # no network: its trees grow in training
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

    model = rooms.load(run)
    chain = model.chain
    card: dict[str, Any] = {
        **_describe(model),
        "chain": chain.to_dict() if chain is not None else None,
        "recipe": dict(model.recipe),
        "history": [dict(row) for row in model.history],
        "fxnorm": model.version,
    }
    if as_json:
        click.echo(json.dumps(card))
        return
    size = f"{card['parameters']:,} parameters" if "parameters" in card else f"{card['trees']:,} trees"
    click.echo(f"{run}: {card['network']}, {size}, by fxnorm {model.version}")
    click.echo("settings: " + ", ".join(f"{key} {value}" for key, value in card["settings"].items()))
    if chain is not None:
        effects = ", ".join(chain.settings.active)
        click.echo(f"stems normalised to: {chain.stats.title} (signature {chain.stats.signature}), {effects}")
    if model.history:
        # a network's history ends with its best epoch, that of trees has every trial of a search
        row = min(model.history, key=lambda trial: trial["valid"]) if "trees" in card else model.history[-1]
        figures = ", ".join(f"{name} {options.figure(row.get(name), 3)}" for name in ("train", "valid", "sum"))
        count = len(model.history)
        how = f"grown in {count} trial{'s' if count != 1 else ''}" if "trees" in card else f"trained for {count} epochs"
        click.echo(f"{how}: {figures}")


def _describe(model: "Checkpoint | Boosted") -> dict[str, Any]:
    """Name, settings and size."""
    from fxnorm.models.gbdt.model import Boosted

    if isinstance(model, Boosted):
        return {"network": model.name, "settings": model.settings.model_dump(mode="json"), "trees": model.size}
    network = model.network
    settings = network.settings.model_dump(mode="json")
    return {"network": network.name, "settings": settings, "parameters": _count(network)}


def _count(network: "Network") -> int:
    return sum(weight.numel() for weight in network.parameters())
