"""Clips in and out: videos, scientific files, data sets; lazily, with times, axes and levels."""
