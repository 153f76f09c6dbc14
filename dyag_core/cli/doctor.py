"""`dyag doctor`."""

from __future__ import annotations

import click

from dyag_core.cli.common import json_option


@click.command("doctor", short_help="Say what this machine can run.")
@json_option
def command(as_json: bool) -> None:
    """What this machine has (processor, memory, disk, libraries, models) and what is missing."""
    from dyag_core.cli.terminal import hint, result
    from dyag_core.doctor import examine

    findings = examine()
    lines = [f"{'ok     ' if finding.ok else 'MISSING'}  {finding.name}: {finding.found}" for finding in findings]
    result([finding.model_dump() for finding in findings], as_json=as_json, text="\n".join(lines))
    hint(*[f"{finding.name}: {finding.remedy}" for finding in findings if not finding.ok and finding.remedy])
