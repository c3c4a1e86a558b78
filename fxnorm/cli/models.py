"""fxnorm models: list the available models, or describe a trained one."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fxnorm.cli import options
from fxnorm.errors import InputError

if TYPE_CHECKING:
    from fxnorm.models import Checkpoint
    from fxnorm.models.base import TrainablePredictor


@click.command()
@click.argument("run", metavar="[RUN]", required=False, type=options.ANY_PATH)
@options.as_json
def models(run: Path | None, as_json: bool) -> None:
    """List models and their presets, or describe the trained model in RUN, the folder of a run or a checkpoint."""
    if run is None:
        _list(as_json)
    else:
        _describe(run, as_json)


def _list(as_json: bool) -> None:
    entries = _collect()
    if as_json:
        click.echo(json.dumps(entries))
        return
    columns = ("parameters", "context_samples")
    rows = [["model", "preset", "parameters", "context, samples"]]
    rows += [
        [entry["model"], entry["preset"] or "–", *(f"{entry[key]:,}" if key in entry else "–" for key in columns)]
        for entry in entries
    ]
    options.print_table(rows)
    for problem in dict.fromkeys(entry["problem"] for entry in entries if "problem" in entry):
        click.echo(problem)


def _collect() -> list[dict[str, Any]]:
    """List every preset of each trainable model, every mixer of tracks and every baseline."""
    from fxnorm.models import BASELINES, registry

    entries: list[dict[str, Any]] = []
    for name in registry.names():
        try:
            model = registry.find(name)
        except InputError as error:
            entries.append({"model": name, "preset": None, "problem": str(error)})
            continue
        entries += [{"model": name, "preset": preset, **_describe_preset(model, preset)} for preset in model.presets]
    return entries + [{"model": name, "preset": None} for name in (*registry.MIXERS, *BASELINES)]


def _describe_preset(model: "type[TrainablePredictor]", preset: str) -> dict[str, Any]:
    try:
        return {**model.describe_preset(preset)}
    except InputError as error:
        return {"problem": str(error)}


def _describe(run: Path, as_json: bool) -> None:
    from fxnorm import models as registered

    checkpoint = registered.load(run)
    model, chain = checkpoint.model, checkpoint.chain
    facts: dict[str, Any] = {
        "model": model.name,
        "settings": model.settings.model_dump(mode="json"),
        model.size_unit: model.size,
        "chain": chain.to_dict() if chain is not None else None,
        "recipe": dict(checkpoint.recipe),
        "history": [dict(row) for row in checkpoint.history],
        "fxnorm": checkpoint.version,
    }
    if as_json:
        click.echo(json.dumps(facts))
        return
    click.echo(f"{run}: {model.name}, {model.size:,} {model.size_unit}, by fxnorm {checkpoint.version}")
    click.echo("settings: " + ", ".join(f"{key} {value}" for key, value in facts["settings"].items()))
    if chain is not None:
        effects = ", ".join(chain.settings.active)
        click.echo(f"stems normalised to: {chain.stats.title} (signature {chain.stats.signature}), {effects}")
    if checkpoint.history:
        click.echo(_summarize(checkpoint))


def _summarize(checkpoint: "Checkpoint") -> str:
    """Return the length of the training, and the figures of its best epoch or trial."""
    scored = [row for row in checkpoint.history if row.get("valid") is not None]
    best = min(scored, key=lambda row: row["valid"]) if scored else checkpoint.history[-1]
    figures = ", ".join(f"{name} {options.figure(best.get(name), 3)}" for name in ("train", "valid", "sum"))
    count, unit = len(checkpoint.history), checkpoint.model.history_unit
    return f"trained for {count} {unit}{'s' if count != 1 else ''}: {figures}"
