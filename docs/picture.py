"""The packages of DYAG and who imports whom, drawn from the code by `make docs-reference`.

The rows are the layers of the import contracts in `pyproject.toml`. Of the arrows those are drawn that no longer way
stands for: where `stages` imports `dataset` and that imports `text`, no arrow leads from `stages` to `text`.
"""

from __future__ import annotations

import ast
import textwrap
import tomllib
from html import escape
from pathlib import Path

import grimp

HOME = Path(__file__).parents[1]
SOURCES = {"dyag_plugins": HOME / "plugins", "dyag_core": HOME}
FILE = Path(__file__).parent / "figures" / "architecture.svg"
WIDTH, HEIGHT, GAP, MARGIN = 1240, 74, 46, 12
_STYLE = """
  svg { background: #fff; font: 12px system-ui, sans-serif }
  rect { fill: #f5f7fa; stroke: #7b8794; rx: 6 }
  .dyag_plugins rect { fill: #fdf3e4; stroke: #b9862f }
  path { fill: none; stroke: #52606d; stroke-opacity: .55; marker-end: url(#tip) }
  .name { font-weight: 600; font-size: 13px }
"""


def layers() -> list[list[str]]:
    """Rows of packages, the highest first, as the contracts of `pyproject.toml` name them."""
    contracts = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    rows = {contract["containers"][0]: contract["layers"] for contract in contracts if contract["type"] == "layers"}
    return [[f"{root}.{name.strip()}" for name in row.split("|")] for root in SOURCES for row in rows[root]]


def imports() -> dict[str, set[str]]:
    """Which packages each package imports itself, those left out that it reaches through another."""
    graph = grimp.build_graph(*SOURCES, exclude_type_checking_imports=False, cache_dir=None)
    packages = {name for row in layers() for name in row}
    for package in packages:
        graph.squash_module(package)
    direct = {one: graph.find_modules_directly_imported_by(one) & packages - {one} for one in packages}

    def reached(package: str) -> set[str]:
        return direct[package].union(*map(reached, direct[package]))

    return {
        one: {other for other in direct[one] if not any(other in reached(via) for via in direct[one])} for one in direct
    }


def purpose(package: str) -> str:
    """The first sentence of a package's docstring."""
    path = SOURCES[package.partition(".")[0]] / package.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("`", "")


def svg() -> str:
    """The whole picture."""
    rows, places = layers(), {}
    for row, names in enumerate(rows):
        width = min(430.0, (WIDTH - MARGIN * (len(names) + 1)) / len(names))
        left = (WIDTH - len(names) * (width + MARGIN) + MARGIN) / 2
        for name in names:
            places[name] = (left, MARGIN + row * (HEIGHT + GAP), width)
            left += width + MARGIN
    height = len(rows) * (HEIGHT + GAP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>The packages of DYAG, from what people call down to what everything rests on</title>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<polygon points="0,0 8,4 0,8" fill="#52606d"/></marker></defs>',
        *[_arrow(places[one], places[other]) for one, others in sorted(imports().items()) for other in sorted(others)],
        *[_box(name, *place) for name, place in places.items()],
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _arrow(start: tuple[float, float, float], end: tuple[float, float, float]) -> str:
    across, up, to, down = start[0] + start[2] / 2, start[1] + HEIGHT, end[0] + end[2] / 2, end[1]
    bends = f"{across:.0f},{up + GAP * 0.8:.0f} {to:.0f},{down - GAP * 0.8:.0f}"
    return f'<path d="M{across:.0f},{up:.0f} C{bends} {to:.0f},{down:.0f}"/>'


def _box(name: str, left: float, top: float, width: float) -> str:
    root, _, package = name.partition(".")
    middle = left + width / 2
    lines = textwrap.wrap(purpose(name), max(12, int(width / 7)), max_lines=3, placeholder=" ...")
    words = "".join(f'<tspan x="{middle:.0f}" dy="14">{escape(line)}</tspan>' for line in lines)
    return (
        f'<g class="{root}"><rect x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{HEIGHT}"/>'
        f'<text x="{middle:.0f}" y="{top + 18:.0f}" text-anchor="middle"><tspan class="name">{escape(package)}</tspan>'
        f"{words}</text></g>"
    )
