"""``keraudit explore``: the explorer in a browser."""

from __future__ import annotations

from pathlib import Path

import click

from keraudit.cli.command import Command, headed
from keraudit.cli.values import MODEL

STOPPED = (-15, 143)  # how a process ends that was asked to


@click.command(
    "explore", cls=Command, short_help="Look inside a network in the browser, layer by layer."
)
@click.argument("model", metavar="[MODEL]", required=False, type=MODEL)
@headed(
    "Input",
    click.option(
        "--import",
        "imports",
        multiple=True,
        metavar="PACKAGE",
        help="Import PACKAGE, or a file such as ./my_layers.py, whose classes MODEL uses; never for"
        " uploaded files. Repeatable.",
    ),
    click.option(
        "--runs",
        type=click.Path(path_type=Path, file_okay=False, exists=True),
        metavar="FOLDER",
        help="Folder of the runs to show.  [default: runs, and the published ones]",
    ),
)
@headed(
    "Server",
    click.option(
        "--port",
        type=click.IntRange(1, 65535),
        default=8501,
        show_default=True,
        metavar="N",
        help="Port of the page.",
    ),
    click.option(
        "--address",
        default="localhost",
        show_default=True,
        metavar="HOST",
        help="Address to serve on; 0.0.0.0 serves other machines too.",
    ),
    click.option(
        "--prefix",
        default="",
        metavar="PATH",
        help="URL path of the page behind a reverse proxy, e.g. keraudit.",
    ),
    click.option("--no-browser", is_flag=True, help="Do not open a browser."),
)
def command(
    model: str | None,
    imports: tuple[str, ...],
    port: int,
    address: str,
    prefix: str,
    no_browser: bool,
    runs: Path | None,
) -> int:
    """Look inside a network in the browser, layer by layer.

    \b
    keraudit explore
    keraudit explore ResNet50 --port 8600

    The page is served until Ctrl-C, to this machine only unless --address says otherwise. It needs Streamlit: pip install
    'keraudit[app]'.
    """
    import signal
    import subprocess

    from keraudit.explorer.start import server

    if imports and not model:
        raise click.UsageError("--import needs MODEL, a file with classes of that package")
    words, env, folder = server(
        model or "",
        imports=imports,
        runs=runs,
        port=port,
        address=address,
        prefix=prefix,
        headless=no_browser,
    )
    process = subprocess.Popen(words, cwd=folder, env=env)

    def stop(*_: object) -> None:
        process.terminate()  # it stops its own workers

    before = signal.signal(signal.SIGTERM, stop)
    try:
        code = process.wait()
    except KeyboardInterrupt:  # Ctrl-C reached the server too
        process.wait()
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0 if code in STOPPED else code
