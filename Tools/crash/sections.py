"""Sections of this command's report."""

from collections.abc import Callable

from experiment import report
from experiment.report import Section

from .arguments import COMMAND


def section_of(part: str, name: str, work: Callable[[Section], None]) -> Section:
    return report.section_of(COMMAND, part, name, work)
