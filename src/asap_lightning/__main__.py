"""``python -m asap_lightning`` is the same program as ``asap``."""

import sys

from asap_lightning.cli import main

if __name__ == "__main__":
    sys.exit(main())
