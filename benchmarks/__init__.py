"""`python -m benchmarks NAME`: speed and quality, one command each; results are kept in `results/`."""
