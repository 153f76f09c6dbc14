"""What metrics say about themselves, read off their plugins: DYAG knows no metric by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dyag_core.errors import DyagError, PluginError, UsageError
from dyag_core.plugin import discovery
from dyag_core.plugin.api_version import check_api
from dyag_core.plugin.families import FAMILY_HOOKS, normalise_name
from dyag_core.plugin.lifecycle import object_name
from dyag_core.records.metric import MetricDescription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dyag_core.records import MetricResult

ATTRIBUTE = "dyag_metric"


def description_of(plugin: Any, name: str, what: str) -> MetricDescription:
    """What a metric plugin says about itself; one that says nothing has its name, and is scored when asked for.

    Args:
        plugin: the module, class or instance.
        name: the plugin's name.
        what: the plugin, for the error.

    Raises:
        PluginError: its `dyag_metric` is something else.
    """
    said = getattr(plugin, ATTRIBUTE, None)
    if said is None:
        return MetricDescription(name=name)
    if not isinstance(said, MetricDescription):
        raise PluginError(
            f"{what}: its {ATTRIBUTE} is a {type(said).__name__}, not a MetricDescription",
            f'write {ATTRIBUTE} = MetricDescription(title={{"en": ..., "fr": ...}})',
        )
    return said.model_copy(update={"name": name})


def all_descriptions(objects: Sequence[Any], warn: Callable[[str], None]) -> list[MetricDescription]:
    """Every metric that takes part, installed or a program's object, in the order of their places.

    Each is imported for it, with its own try: one that nobody asked for costs a warning at most.
    """
    found: dict[str, MetricDescription] = {}
    for plugin in objects:
        if hasattr(plugin, FAMILY_HOOKS["metrics"]):
            name = normalise_name(object_name(plugin))
            found[name] = description_of(plugin, name, f"metric {name!r}")
    for entry in discovery.entries("metrics"):
        name = normalise_name(entry.name)
        try:
            plugin = discovery.load(entry)
            check_api(entry.title, plugin)
            found.setdefault(name, description_of(plugin, name, entry.title))
        except DyagError as error:
            warn(f"left out: {error.message} ({error.hint})")
    return sorted(found.values(), key=lambda metric: (metric.place, metric.name))


def description_by_name(name: str, objects: Sequence[Any] = ()) -> MetricDescription:
    """What the metric of that name says about itself; where there is no such plugin, or a broken one, only its name."""
    own = [o for o in objects if hasattr(o, FAMILY_HOOKS["metrics"])]
    named = next((o for o in own if normalise_name(object_name(o)) == normalise_name(name)), None)
    try:
        plugin = named if named is not None else discovery.load(discovery.find("metrics", name))
        return description_of(plugin, name, f"metric {name!r}")
    except DyagError:
        return MetricDescription(name=name)


def scored_by_default(described: Iterable[MetricDescription], retrieving: bool) -> list[str]:
    """The metrics that are scored where nobody names any; `retrieving`: an arm retrieves."""
    when = {"always", "default", *(["retrieval"] if retrieving else [])}
    return [metric.name for metric in described if metric.scored in when]


def in_words(metric: MetricDescription) -> str:
    """When it is scored, what it decides, its unit and direction, for those who choose among metrics."""
    when = {
        "asked": "Scored when asked for",
        "default": "Scored by default",
        "retrieval": "Scored by default where an arm retrieves",
        "always": "Always scored",
    }[metric.scored]
    unit = "a share, shown in percent" if metric.unit == "rate" else f"in {metric.unit}"
    better = {True: "more is better", False: "less is better", None: "neither more nor less is better"}
    decides = "; decides where no other metric is named" if metric.primary else ""
    return f"{when}{decides}; {unit}; {better[metric.higher_is_better]}."


def primary_among(described: Iterable[MetricDescription]) -> str:
    """The one metric that decides where nobody says which.

    Raises:
        UsageError: none of them says that it decides, or several do.
    """
    names = list(dict.fromkeys(metric.name for metric in described if metric.primary))
    if len(names) != 1:
        said = (
            f"several metrics say that they decide: {', '.join(names)}" if names else "no metric says that it decides"
        )
        raise UsageError(said, f"say which one does: --primary {names[0] if names else 'NAME'}")
    return names[0]


def with_declared(result: MetricResult, metric: MetricDescription) -> MetricResult:
    """`result` with the unit and the direction that its metric declares, where it doesn't say them itself."""
    unsaid = {"unit", "higher_is_better"} - result.model_fields_set
    return result.model_copy(update={field: getattr(metric, field) for field in unsaid}) if unsaid else result
