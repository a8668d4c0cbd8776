"""A second reader of vecdb databases, written from Formats/ alone (Python 3.9, standard library).

It is slow and plain on purpose: the formulas stand here as Formats/numerics.md gives them. The section of the documents
is named where each rule is used. `Tools/vecdb-reader --help` says what it can do.
"""
