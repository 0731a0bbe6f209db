"""Where the real huggingface_hub looks: a home of its own and a port for the double. Import it before huggingface_hub,
which reads HF_ENDPOINT once, when it is imported."""

import os
import socket
import tempfile


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


HOME = tempfile.TemporaryDirectory(prefix="bora-hub-peer-")
PORT = free_port()
os.environ.update(HF_ENDPOINT=f"http://127.0.0.1:{PORT}", HF_HUB_DISABLE_XET="1", HF_HUB_DISABLE_TELEMETRY="1",
                  HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HOME=HOME.name)
os.environ.pop("HF_TOKEN", None)
os.environ.pop("HF_HUB_OFFLINE", None)
