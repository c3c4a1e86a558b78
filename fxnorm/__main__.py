"""Entry point of `python -m fxnorm`."""

from fxnorm.cli import main

if __name__ == "__main__":
    main()
