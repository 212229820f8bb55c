"""Records with gaps: read, filled, judged by gaps that were cut into them, and written as they came."""
