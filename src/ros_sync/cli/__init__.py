"""The console command `ros-sync`: one file for each group of commands, each of them thin.

Loading costs more than most commands do, so everything is loaded where it is used; `tests/unit/cli/test_loading.py`
holds `--help` to what it may load.
"""

from __future__ import annotations

import sys

# Loading makes up to a hundred thousand objects and hardly any garbage: looking for it meanwhile costs a tenth of the
# start.
OBJECTS_OF_LOADING = 200_000


def main() -> None:
    """Run the console command; a mistyped one is told at once."""
    from ros_sync.cli import names  # noqa: PLC0415  # see above

    if problem := names.unknown(sys.argv[1:]):
        sys.stderr.write(problem)
        sys.exit(2)
    import atexit  # noqa: PLC0415
    import gc  # noqa: PLC0415

    gc.set_threshold(OBJECTS_OF_LOADING)
    atexit.register(
        gc.freeze
    )  # Python would look through everything once more, which takes a third as long as loading it
    from ros_sync.cli.app import main as run  # noqa: PLC0415  # see above

    run()
