"""Effect normalisation: measure the average features of a corpus, and push stems to them."""
