"""Figures and pictures of what was recovered: metrics, paths of codes."""
