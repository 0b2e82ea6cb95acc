"""A visitor without a browser: speaks Streamlit's protocol, so that twenty of them leave the processor to the server."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any
from uuid import uuid4

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import UploadedFileInfo
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

from xai.methods import METHODS

WAIT = 900.0  # seconds a visitor is patient
_ADDRESS = "tab=Take+it+home"  # where files are
_TRIES, _PATIENCE = 30, 5.0  # for an answer of the server itself, which no queue stands before


class Visitor:
    """One session. ``received`` is every byte that the server ever sent here."""

    def __init__(self, port: int) -> None:
        self._host = f"127.0.0.1:{port}"
        self._cookie = self._ask_for_cookie()
        self._socket = connect(
            f"ws://{self._host}/_stcore/stream",
            subprotocols=["streamlit"],  # type: ignore[list-item]
            additional_headers={"Cookie": f"_streamlit_xsrf={self._cookie}"},
            max_size=None,
            open_timeout=60,
            ping_interval=None,  # who waits for something else does not read, and would miss the answer
            close_timeout=1,
        )
        self._states: dict[str, WidgetState] = {}
        self._elements: dict[tuple[int, ...], Any] = {}
        self._fragments: dict[str, str] = {}  # widget → fragment it is drawn by
        self._session, self._page = "", ""
        self._partly = False  # whether only a fragment is being drawn
        self.running = False
        self.received = bytearray()
        self.seen: list[str] = []  # every text that was ever shown, in order
        self.rerun()

    def rerun(self, fragment: str = "") -> None:
        """Ask for the page, or for a part of it, with the widgets as they are."""
        message = BackMsg()
        message.rerun_script.fragment_id = fragment
        message.rerun_script.page_script_hash = self._page
        message.rerun_script.query_string = _ADDRESS
        message.rerun_script.widget_states.widgets.extend(self._states.values())
        self.running, self._partly = True, bool(fragment)
        self._socket.send(message.SerializeToString())

    def wait(self, until: Callable[[], bool]) -> float:
        """Listen until something is true; returns the seconds that took."""
        start = time.monotonic()
        while not until():
            self._take(self._socket.recv(timeout=WAIT - (time.monotonic() - start)))
        return time.monotonic() - start

    def texts(self) -> str:
        """All the words on the page."""
        return "\n".join(_words(element) for element in self._elements.values())

    def widget(self, kind: str, key: str) -> Any:
        """The protocol's message of a widget, by the start of its key; None if it is not on the page."""
        for element in reversed(self._elements.values()):  # what was drawn last: a browser would have dropped the others
            if element.WhichOneof("type") == kind and f"-{key}" in getattr(element, kind).id:
                return getattr(element, kind)
        return None

    def upload(self, key: str, name: str, data: bytes) -> None:
        """Give a file to an uploader, as a browser does, once it is there: the page may just be drawn anew."""
        self.wait(lambda: self.widget("file_uploader", key) is not None)
        state = WidgetState(id=self.widget("file_uploader", key).id)
        request = BackMsg()
        request.file_urls_request.request_id = uuid4().hex
        request.file_urls_request.session_id = self._session
        request.file_urls_request.file_names.append(name)
        urls = self._answer(request, "file_urls_response").file_urls[0]
        self._put(urls.upload_url, name, data)
        info = UploadedFileInfo(name=name, size=len(data), file_id=urls.file_id, file_urls=urls)
        state.file_uploader_state_value.uploaded_file_info.append(info)
        self._states[state.id] = state
        self.rerun()

    def press(self, key: str) -> None:
        """Press a button."""
        state = WidgetState(id=self.widget("button", key).id, trigger_value=True)
        self._states[state.id] = state
        self.rerun(self._fragments.get(state.id, ""))
        del self._states[state.id]

    def choose(self, key: str, option: str) -> None:
        """Choose an entry of a list."""
        state = WidgetState(id=self.widget("selectbox", key).id, string_value=option)
        self._states[state.id] = state
        self.rerun(self._fragments.get(state.id, ""))

    def download(self, key: str) -> bytes:
        """What a download button gives, once it is there: it is drawn after the verdict."""
        self.wait(lambda: self.widget("download_button", key) is not None)
        request = BackMsg()
        request.backend_operation_request.request_id = uuid4().hex
        request.backend_operation_request.session_id = self._session
        request.backend_operation_request.deferred_file.file_id = self.widget("download_button", key).deferred_file_id
        answer = self._answer(request, "backend_operation_response")
        if not answer.HasField("deferred_file"):
            raise RuntimeError(answer.error_msg)
        with urllib.request.urlopen(f"http://{self._host}{answer.deferred_file.url}", timeout=60) as file:
            return file.read()

    def leave(self) -> None:
        """Close the page."""
        self._socket.close()

    def _ask_for_cookie(self) -> str:
        with urllib.request.urlopen(f"http://{self._host}/_stcore/health", timeout=60) as page:
            found = SimpleCookie(page.headers.get("Set-Cookie", "")).get("_streamlit_xsrf")
        return found.value if found else ""

    def _put(self, url: str, name: str, data: bytes) -> None:
        border = uuid4().hex
        head = f'--{border}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\nContent-Type: media\r\n\r\n'
        request = urllib.request.Request(f"http://{self._host}{url}", head.encode() + data + f"\r\n--{border}--\r\n".encode(), method="PUT")
        request.add_header("Content-Type", f"multipart/form-data; boundary={border}")
        request.add_header("X-Xsrftoken", self._cookie)
        request.add_header("Cookie", f"_streamlit_xsrf={self._cookie}")
        with urllib.request.urlopen(request, timeout=120):
            pass

    def _answer(self, request: BackMsg, kind: str) -> Any:
        """Asks again after a while: a script that starts just then throws away what was to be sent."""
        for _ in range(_TRIES):
            self._socket.send(request.SerializeToString())
            end = time.monotonic() + _PATIENCE
            while (left := end - time.monotonic()) > 0:
                try:
                    message = self._take(self._socket.recv(timeout=left))
                except TimeoutError:
                    break
                if message.WhichOneof("type") == kind:
                    return getattr(message, kind)
        raise TimeoutError(f"no {kind}")

    def _take(self, data: bytes | str) -> ForwardMsg:
        assert isinstance(data, bytes)
        self.received += data
        message = ForwardMsg.FromString(data)
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._session = message.new_session.initialize.session_id
            self._page = message.new_session.page_script_hash  # the root of the address leads on to another page
            if not self._partly:
                self._elements.clear()
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._draw(tuple(message.metadata.delta_path), message.delta)
        elif kind == "delta" and message.delta.WhichOneof("type") == "add_block":
            self.seen.append(_words(message.delta.add_block))  # a status says what is done in its own title
        elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            self.running = False
        return message

    def _draw(self, path: tuple[int, ...], delta) -> None:
        element = delta.new_element
        self._elements.pop(path, None)
        self._elements[path] = element
        self.seen.append(_words(element))
        kind = element.WhichOneof("type")
        identity = getattr(getattr(element, kind), "id", "") if kind else ""
        if identity and delta.fragment_id:
            self._fragments[identity] = delta.fragment_id


def _words(message) -> str:
    """The words of an element or a block that is made of words."""
    kind = message.WhichOneof("type")
    part = getattr(message, kind) if kind else None
    return next((text for name in ("body", "label") if isinstance(text := getattr(part, name, None), str)), "")


def numbers(result: bytes) -> dict[str, Any]:
    """``result.json`` without what may differ between two runs: times, and what was computed or checked beside the page by then."""
    found = json.loads(result)
    for key in ("seconds", "in_words", "shown"):
        found.pop(key)
    later = {name for key, method in METHODS.items() if not method.at_once for name in (key, f"{key}_maps")}
    found["explanations"] = {key: value for key, value in found["explanations"].items() if key not in later}
    for explanation in found["explanations"].values():
        if isinstance(explanation, dict):
            explanation.pop("trust", None)
    return found
