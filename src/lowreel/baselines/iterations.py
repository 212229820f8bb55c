"""What the iterations of several baselines share."""

from __future__ import annotations

LOOK_EVERY_ITERATIONS = 10
"""After how many iterations it is looked whether they have converged: a look goes over the whole clip."""

VALUES_PER_THREAD = 2**16
"""Values for each thread that an iteration goes over together, so that they stay near the processor."""
