"""Console: one editable document of a mix, its processors, and its renderer."""
