"""A trainer whose device is the GPU that Slurm and its rank give it; it trains in no time.

It stands in for a machine with GPUs: the physical GPU of a node is the entry of
CUDA_VISIBLE_DEVICES to which the rank's cuda:<index> points.
"""

import json
import os
import socket
import sys
import time


def main():
    stream = socket.socket(fileno=int(os.environ["MPISWEEP_FD"])).makefile("rw")

    def say(**message):
        stream.write(json.dumps(message) + "\n")
        stream.flush()

    for line in stream:
        message = json.loads(line)
        if message["type"] == "hello":
            kind, _, index = message["device"].partition(":")
            visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
            device = f"GPU {visible[int(index)]}" if kind == "cuda" and index else kind
            node = os.environ.get("SLURMD_NODENAME", "no node")
            studies = {"free": {"version": 1, "settings": {}, "variables": {}}}
            say(type="ready", trainer="test", device=f"{node} {device}", studies=studies)
        elif message["type"] == "check":
            say(type="checked", problems=[], resolved=message["settings"])
        elif message["type"] == "pack":
            time.sleep(0.5)  # so that every rank gets a pack
            for trial in message["trials"]:
                say(type="result", pack=message["pack"], id=trial["id"], status="finished",
                    values={}, elapsed_s=0.5)
            say(type="done", pack=message["pack"])
        elif message["type"] == "stop":
            return


main()
