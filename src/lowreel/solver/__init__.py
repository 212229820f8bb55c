"""The problem and the algorithms: what is minimised, and how."""
