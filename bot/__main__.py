"""`python -m bot`: the same as `polobot`."""

import sys

from bot.cli import main

sys.exit(main())
