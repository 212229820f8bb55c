"""`python -m benchmarks speed`: how many rounds of the paper's method a whole recovery costs."""
