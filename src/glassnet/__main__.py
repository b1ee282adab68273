"""``python -m glassnet`` is the command line."""

from glassnet.cli import main

main()
