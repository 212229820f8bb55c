"""Generators fitted to sets of images."""
