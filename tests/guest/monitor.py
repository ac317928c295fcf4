"""QEMU's monitor, by QMP."""

import json
import socket

PATIENCE_S = 60.0


class Monitor:
    """The far end of the monitor's socket; greeted when it is first needed."""

    def __init__(self, control: socket.socket) -> None:
        control.settimeout(PATIENCE_S)
        self._socket, self._file, self._greeted = control, control.makefile("rw"), False

    def hmp(self, line: str) -> str:
        """Type a line at the monitor for people; what it answered."""
        if not self._greeted:
            self._file.readline()
            self._call("qmp_capabilities", {})
            self._greeted = True
        return self._call("human-monitor-command", {"command-line": line})

    def set_link(self, nic: str, up: bool) -> None:
        """Plug a NIC's cable in, or pull it."""
        answer = self.hmp(f"set_link {nic} {'on' if up else 'off'}")
        assert not answer, answer

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _call(self, name: str, arguments: dict[str, str]) -> str:
        self._file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self._file.flush()
        for line in self._file:  # events come between
            answer = json.loads(line)
            assert "error" not in answer, f"QEMU's monitor, asked for {name} {arguments}: {answer['error']['desc']}"
            if "return" in answer:
                return str(answer["return"])
        raise AssertionError("QEMU's monitor is gone")
