"""python -m fxnorm"""

from fxnorm.cli import main

main()
