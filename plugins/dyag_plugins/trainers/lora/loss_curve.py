"""The loss curve, as data and as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from dyag_core.api import atomic_text, to_json

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 720, 360, 56, 44, 28, 16


def loss_log(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """transformers' log as one row a step: step, epoch, loss, lr, seconds; validation rows have validation_loss."""
    rows: list[dict[str, Any]] = []
    for entry in history:
        where = {"step": entry["step"], "epoch": round(entry["epoch"], 4)}
        if "loss" in entry:
            seconds = round(entry.get("seconds", 0.0), 3)
            rows.append(where | {"loss": entry["loss"], "lr": entry.get("learning_rate"), "seconds": seconds})
        elif "eval_loss" in entry:
            rows.append(where | {"validation_loss": entry["eval_loss"]})
    return rows


def write_curve(output: Path, log: Sequence[dict[str, Any]], title: str) -> None:
    """Write `training_log.json` and `training_curve.svg` into `output`."""
    atomic_text(output / "training_log.json", to_json(list(log), indent=1) + "\n")
    atomic_text(output / "training_curve.svg", svg(log, title))


def svg(log: Sequence[dict[str, Any]], title: str) -> str:
    """Loss against steps: every step's loss in grey, its moving mean in blue, validation loss as orange dots."""
    losses = [(row["step"], row["loss"]) for row in log if "loss" in row]
    validation = [(row["step"], row["validation_loss"]) for row in log if "validation_loss" in row]
    last = max([step for step, _ in losses + validation], default=1)
    top = max([loss for _, loss in losses + validation], default=1.0) or 1.0

    def at(step: float, loss: float) -> str:
        x = _LEFT + (_WIDTH - _LEFT - _RIGHT) * step / last
        y = _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * loss / top
        return f"{x:.1f},{y:.1f}"

    def line(points: Sequence[tuple[float, float]], colour: str, width: float) -> str:
        path = " ".join(at(*point) for point in points)
        return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="#fff"/>',
        f'<text x="{_LEFT}" y="18" font-size="14">{escape(title)}</text>',
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(line([(0, top * share), (last, top * share)], "#ddd", 1))
        y = at(0, top * share).split(",")[1]
        parts.append(f'<text x="{_LEFT - 6}" y="{y}" text-anchor="end">{top * share:.2f}</text>')
        x = at(last * share, 0).split(",")[0]
        parts.append(f'<text x="{x}" y="{_HEIGHT - 24}" text-anchor="middle">{round(last * share)}</text>')
    parts.append(f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 8}" text-anchor="middle">step</text>')
    parts.append(line(losses, "#bbb", 1))
    parts.append(line(_moving_mean(losses), "#1f5fbf", 2))
    for point in validation:
        x, y = at(*point).split(",")
        parts.append(
            f'<circle cx="{x}" cy="{y}" r="4" fill="#d9730d"><title>validation {point[1]:.3f}</title></circle>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"


def _moving_mean(points: Sequence[tuple[float, float]], window: int = 10) -> list[tuple[float, float]]:
    means = []
    for i, (step, _) in enumerate(points):
        around = [loss for _, loss in points[max(0, i - window + 1) : i + 1]]
        means.append((step, sum(around) / len(around)))
    return means
