"""A table becomes findings: what is wrong with the data, said before anything is learned from it."""
