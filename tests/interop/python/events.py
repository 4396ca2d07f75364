"""Follows a room with `sseclient`, through a connection that the test cuts.

Prints a line for each event it hears: its name, its id, its data.
"""

import os
import sys

from sseclient import SSEClient


def main():
    for event in SSEClient(os.environ["INTEROP_URL"], retry=20):
        if event.data:  # it also tells of comments
            print(event.event, event.id, event.data, flush=True)


if __name__ == "__main__":
    sys.exit(main())
