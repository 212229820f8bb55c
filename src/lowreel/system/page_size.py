"""The size of the pages that are drawn."""

PAGE_WIDE, PAGE_HIGH = 13.333, 7.5
"""Inches of a page: those of a slide of 16:9."""
