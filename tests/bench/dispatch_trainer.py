"""A trainer that sleeps in place of training, and notes how long it waits between two packs.

Settings: `seconds` per pack. In the folder that GAPS_FOLDER names it writes a file of its own, a
line with a number of seconds for each wait from done, which it has sent, to the next request.
"""

import json
import os
import pathlib
import select
import socket
import time


def main():
    connection = socket.socket(fileno=int(os.environ["MPISWEEP_FD"]))
    gaps = open(pathlib.Path(os.environ["GAPS_FOLDER"]) / f"gaps-{os.getpid()}", "w")
    lines = connection.makefile("r")
    done_at = None

    def say(**message):
        connection.sendall((json.dumps(message) + "\n").encode())

    while True:
        select.select([connection], [], [])
        gap = None if done_at is None else time.monotonic() - done_at
        message = json.loads(lines.readline() or '{"type": "stop"}')
        match message["type"]:
            case "stop":
                return
            case "hello":
                study = {"version": 1, "settings": {}, "variables": {"value": {"dims": []}}}
                say(type="ready", trainer="sleeper", device="none", studies={"sleeper": study})
            case "check":
                say(type="checked", problems=[], resolved=message["settings"])
            case "pack":
                if gap is not None:
                    print(gap, file=gaps, flush=True)
                time.sleep(message["settings"]["seconds"])
                for trial in message["trials"]:
                    say(
                        type="result",
                        pack=message["pack"],
                        id=trial["id"],
                        status="finished",
                        values={"value": 1},
                        elapsed_s=message["settings"]["seconds"],
                    )
                say(type="done", pack=message["pack"])
                done_at = time.monotonic()


if __name__ == "__main__":
    main()
