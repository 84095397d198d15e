"""The page Compare: two results of a study, or of one prompt, beside each other."""
