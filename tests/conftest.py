"""Settings for all tests.

Property tests draw the same examples each time, so that a failure is never somebody else's; with HWSIM_EXPLORE set
they draw new ones, to look for what has not been met yet.
"""

import os

from hypothesis import settings

settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile("explore" if os.environ.get("HWSIM_EXPLORE") else "same")
