"""From data to a clip: fits, the search over settings, what it costs, and whether it may be trusted."""
