# SPDX-License-Identifier: GPL-2.0
"""What the programs that people call have in common: the option --build, commands as
first words, arguments after "--", and an end with a message instead of a backtrace."""

import argparse
import os
import sys

from . import kernels


def parser(text, name=None):
    """For a program, or for its command NAME."""
    program = os.path.basename(sys.argv[0])
    p = argparse.ArgumentParser(prog=" ".join([program] + ([name] if name else [])), description=text,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--build", type=os.path.abspath, default=os.path.join(kernels.ROOT, "build"),
                   help="the folder of what is built")
    return p


def split(words):
    """The words before the first "--", and those after it."""
    at = words.index("--") if "--" in words else len(words)
    return words[:at], words[at + 1:]


def chosen(words, main, commands):
    """The function of the command that is the first word, or MAIN; the words for it."""
    if words and words[0] in commands:
        return commands[words[0]], words[1:]
    return main, words


def run(main, **commands):
    """Runs a program: MAIN, or the command that its first word names, gets the words of
    the command line. Ends with the status that it returns."""
    function, words = chosen(sys.argv[1:], main, commands)
    try:
        sys.exit(function(words))
    except (kernels.Unavailable, FileNotFoundError) as e:
        sys.exit("%s: %s" % (os.path.basename(sys.argv[0]), e))
    except KeyboardInterrupt:
        sys.exit(130)
