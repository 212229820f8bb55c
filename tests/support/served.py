"""`lowreel serve` in a process of its own, for tests that ask it over the network."""

import re
import signal
import subprocess
import sys


class Server:
    """Serves `folder`/runs at `address`."""

    def __init__(self, folder):
        self.folder = folder
        self.start()

    def start(self, port=0):
        words = [sys.executable, "-m", "lowreel", "serve", "-o", "runs", "--port", str(port)]
        self.process = subprocess.Popen(words, cwd=self.folder, stdout=subprocess.PIPE, text=True)
        self.address = re.search(r"http://\S+", self.process.stdout.readline())[0]

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        self.process.wait(30)
        self.process.stdout.close()
