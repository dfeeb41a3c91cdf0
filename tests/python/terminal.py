"""Runs a command on a terminal and answers what it asks, one answer a question; its exit code is the command's.

    terminal.py ANSWER... -- COMMAND ARGUMENT...

A question ends with a colon and a space, and its answer is hidden. What appears on the terminal goes to stdout.
"""

import os
import pty
import sys
import termios
import time

split = sys.argv.index("--")
answers, command = sys.argv[1:split], sys.argv[split + 1 :]
child, terminal = pty.fork()
if child == 0:
    os.execvp(command[0], command)
shown = b""
asked = 0
while True:
    try:
        piece = os.read(terminal, 1024)
    except OSError:
        break
    if not piece:
        break
    shown += piece
    if shown.endswith(b": ") and asked < len(answers):
        # A question comes before what is typed is hidden; people are slower than that.
        while termios.tcgetattr(terminal)[3] & termios.ECHO:
            time.sleep(0.001)
        os.write(terminal, answers[asked].encode() + b"\n")
        asked += 1
_, status = os.waitpid(child, 0)
sys.stdout.write(shown.decode())
sys.exit(os.waitstatus_to_exitcode(status) if asked == len(answers) else "not every answer was asked for")
