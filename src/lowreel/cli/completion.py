"""`lowreel completion`: a script by which a shell completes the command line."""

from __future__ import annotations

from typing import Literal

from cyclopts import App

from ..errors import InputError


def add_completion(app: App) -> None:
    """Give the command line its `completion`."""

    def completion(shell: Literal["bash", "zsh", "fish"] | None = None, /) -> None:
        """Print a script by which a shell completes commands, flags and their values.

        Where it goes is a folder that may have to be made first: mkdir -p FOLDER

        bash: lowreel completion bash > ~/.local/share/bash-completion/completions/lowreel
        zsh: lowreel completion zsh > DIR/_lowreel, DIR being a folder of $fpath
        fish: lowreel completion fish > ~/.config/fish/completions/lowreel.fish

        Parameters
        ----------
        shell
            which shell it is for
        """
        if shell is None:
            raise InputError(
                "completion: expected bash, zsh or fish; give the one you type in: lowreel completion bash"
            )
        print(app.generate_completion(shell=shell))

    app.command(completion, name="completion")
