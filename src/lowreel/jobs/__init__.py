"""Requests, and many of them: what is asked for, how it is carried out, batches and clusters."""
