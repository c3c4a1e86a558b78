"""The boosted baseline: gradient-boosted trees that predict gains per stem, band, mid and side."""
