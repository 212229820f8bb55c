"""`python -m lowreel` is `lowreel`."""

from .cli import main

main()
