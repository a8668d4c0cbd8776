"""What the harnesses that attack vecdb share: their command lines, reports, directories, C libraries, and files of vecdb's.

What makes golden files uses the last of these as well.
"""
