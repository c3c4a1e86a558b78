"""Statistics files that ship with fxnorm; README.md says where each comes from."""
