# Qt as calibre hands it out: no annotations to be had, so everything is taken as it comes.
from typing import Any

def __getattr__(name: str) -> Any: ...
