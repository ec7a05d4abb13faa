"""`calibre-debug run_in_gui.py TESTS RESULTS LIBRARY`: calibre-debug runs a script in its own namespace, so this is all."""

import os
import sys

sys.path[:0] = [os.path.dirname(os.path.abspath(sys.argv[0])), os.environ["PLUGIN_TESTS_FOLDER"]]

from calibre_gui import main

sys.exit(main(*sys.argv[-3:]))
