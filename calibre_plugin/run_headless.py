"""What `calibre-debug -e` starts for the command line: loads the plugin from its zip, then serves.

Arguments: the plugin's zip, the runtime and the script of the bridge, and the token that marks our lines on stdout.
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    # Ctrl-C reaches every program of the terminal: the one that started us tells us what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Other plugins may print while they load or work: their words go to stderr, our channel is kept apart.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    zip_path, runtime, script, token = sys.argv[-4:]
    from calibre.customize.zipplugin import loader

    # Also where a plugin of this name is installed: both sides of this conversation must be of one version.
    loader.load(zip_path)
    from calibre_plugins.koreader_progress.headless import serve  # pyright: ignore[reportMissingImports]

    serve(sys.stdin, answers, token, (runtime, script))


if __name__ == "__main__":
    main()
