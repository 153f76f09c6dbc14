"""`dyag completion`."""

from __future__ import annotations

import click

_HOW = {
    "bash": 'eval "$(dyag completion bash)"          # in ~/.bashrc',
    "zsh": 'eval "$(dyag completion zsh)"           # in ~/.zshrc, after compinit',
    "fish": "dyag completion fish > ~/.config/fish/completions/dyag.fish",
}


@click.command("completion", short_help="Print a script that completes commands in your shell.")
@click.argument("shell", type=click.Choice(list(_HOW)))
def command(shell: str) -> None:
    """Print what SHELL needs to complete commands, options and names of plugins when you press Tab."""
    from click.shell_completion import get_completion_class

    from dyag_core.cli.root import root
    from dyag_core.cli.terminal import hint

    completion = get_completion_class(shell)
    assert completion is not None
    click.echo(completion(root, {}, "dyag", "_DYAG_COMPLETE").source())
    hint(f"To have it in every new shell:  {_HOW[shell]}")
