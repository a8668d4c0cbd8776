"""What the harnesses that attack vecdb share: their command lines, reports, temporary directories, C libraries."""
