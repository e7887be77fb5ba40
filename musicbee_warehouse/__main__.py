"""Lets ``python -m musicbee_warehouse`` be the command line."""

from musicbee_warehouse.cli import main

if __name__ == "__main__":
    main()
