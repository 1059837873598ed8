"""`python -m trunkline.cli`: the command without its entry point."""

from trunkline.cli import main

main()
