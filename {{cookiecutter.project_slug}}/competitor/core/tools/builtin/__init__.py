"""The built-in tools. A tool is offered to the model only if its service is configured."""
# Contract file: replaced by updates.

from ...chat import Chat
from ...media import pictures
from ..tool import Tool, tool
from . import local_code, plot, search_double
from .calculator import calculator
from .create_file import FileMaker
from .media import ImageMaker, Speaker
from .media_doubles import Doubles
from .sandboxes import PlatformSandbox, Sandy
from .service import Service
from .vectors import Vectors
from .web import PageFetcher, WebSearch

__all__ = ["offered"]


def offered(chat: Chat) -> list[Tool]:
    """The built-in tools that can run with what is installed and configured. Each name occurs once."""
    settings = chat.settings
    tools = [tool(calculator, kind="calculate"), tool(FileMaker(chat.artifacts).create_file, kind="create_file")]
    if plot.available():
        tools.append(tool(plot.Plotter(chat.artifacts).plot, kind="draw"))
    if settings.search_url:
        tools.append(tool(WebSearch(Service(chat, settings.search_url)).web_search, kind="search"))
    elif settings.search_double:
        tools.append(tool(search_double.web_search, kind="search"))
    if settings.fetch_url:
        tools.append(tool(PageFetcher(Service(chat, settings.fetch_url)).fetch_page, kind="browse"))
    if settings.vector_url:
        tools.append(tool(Vectors(Service(chat, settings.vector_url)).query_vectors, kind="retrieve"))
    return tools + _media(chat) + _code(chat)


def _media(chat: Chat) -> list[Tool]:
    """The tools that draw and speak, by a service, or else by a stand-in."""
    settings, found = chat.settings, []
    doubles = Doubles(chat.artifacts) if settings.media_double else None
    if settings.image_url:
        maker = ImageMaker(Service(chat, settings.image_url), chat.artifacts, settings.image_model)
        found.append(tool(maker.generate_image, kind="image"))
    elif doubles and pictures.available():
        found.append(tool(doubles.generate_image, kind="image"))
    if settings.speech_url:
        speaker = Speaker(Service(chat, settings.speech_url), chat.artifacts, settings.speech_voice)
        found.append(tool(speaker.speak, kind="speech"))
    elif doubles:
        found.append(tool(doubles.speak, kind="speech"))
    return found


def _code(chat: Chat) -> list[Tool]:
    """The tool `run_code` with the first of three sandboxes that is configured, or no tool if none is."""
    settings = chat.settings
    if settings.sandbox_url:
        sandbox = PlatformSandbox(Service(chat, settings.sandbox_url), settings.tool_seconds)
        return [tool(sandbox.run_code, sandbox="platform-sandbox", kind="run_code")]
    if settings.sandy_base_url:
        sandy = Sandy(Service(chat, settings.sandy_base_url, settings.sandy_api_key))
        return [tool(sandy.run_code, sandbox="sandy-sandbox", kind="run_code")]
    if settings.local_code and local_code.why_not() is None:
        return [tool(local_code.run_code, sandbox="local-sandbox", kind="run_code")]
    return []
