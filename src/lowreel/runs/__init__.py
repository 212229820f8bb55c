"""Run folders: what a recovery writes, goes on from, and shows."""
