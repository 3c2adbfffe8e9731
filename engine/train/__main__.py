"""`python -m engine.train`."""

import sys

from engine.train.program import main

sys.exit(main())
