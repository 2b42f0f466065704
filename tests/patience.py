"""How long a test waits for something that has to happen.

Only a test that fails waits so long. A shorter limit would measure the machine, on which other things may be going on.
"""

from sandbox.slack.hands import PATIENCE_S

__all__ = ["PATIENCE_S"]
