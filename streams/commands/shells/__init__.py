"""Completion in bash, zsh and fish: ``command_table`` writes down what there is, and ``answer`` answers a shell.

What answers imports no command, because some take two seconds to import.
"""
