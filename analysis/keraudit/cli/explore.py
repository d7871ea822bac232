"""``keraudit explore``: the explorer in a browser."""

from __future__ import annotations

from pathlib import Path

import click

from keraudit.cli.options import MODEL


@click.command("explore", short_help="Look inside a network in the browser, layer by layer.")
@click.argument("model", metavar="[MODEL]", required=False, type=MODEL)
@click.option(
    "--import",
    "imports",
    multiple=True,
    metavar="PACKAGE",
    help="Import PACKAGE, whose classes the file MODEL names; never for files that are uploaded.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8501,
    show_default=True,
    metavar="N",
    help="Where the page is served.",
)
@click.option("--no-browser", is_flag=True, help="Serve the page, open no browser.")
@click.option(
    "--runs",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER",
    help="Training runs to show.  [default: runs, and those of the report]",
)
def command(
    model: str | None, imports: tuple[str, ...], port: int, no_browser: bool, runs: Path | None
) -> int:
    """Look inside a network in the browser, layer by layer.

    \b
    keraudit explore
    keraudit explore ResNet50
    keraudit explore model.keras --runs runs

    The page is served on this machine alone until Ctrl-C. It needs streamlit:
    pip install 'keraudit[app]'.
    """
    import subprocess

    from keraudit.explorer.start import server

    if imports and not model:
        raise click.UsageError("--import needs MODEL, a file with classes of that package")
    words, env, folder = server(
        model or "", imports=imports, runs=runs, port=port, headless=no_browser
    )
    try:
        return subprocess.run(words, cwd=folder, env=env, check=False).returncode
    except KeyboardInterrupt:  # Ctrl-C reached the server too
        return 0
