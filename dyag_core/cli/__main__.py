"""`python -m dyag_core.cli`."""

from dyag_core.cli.root import main

main()
