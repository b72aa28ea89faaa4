"""`python -m rescue502.cli`."""

from rescue502.cli import main

main()
