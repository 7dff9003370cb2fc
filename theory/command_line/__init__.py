"""The command line: a module for every group of commands, put together in `application`."""

from tunebound.theory.command_line.application import app, main, program

__all__ = ["app", "main", "program"]
