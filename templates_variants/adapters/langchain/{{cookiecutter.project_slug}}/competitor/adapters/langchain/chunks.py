"""Converts the pieces of a completion to LangChain's chunks."""
# Contract file: replaced by updates.

from langchain_core.messages import AIMessageChunk, ToolCallChunk
from langchain_core.messages.tool import tool_call_chunk

from ...api import Completion, Reasoning, Text, ToolCallPiece
from .messages import metadata, usage
from .vendor_fields import wanted_back

Piece = Text | Reasoning | ToolCallPiece


def chunk(piece: Piece) -> AIMessageChunk:
    """Converts a piece of a completion to a chunk. A part of a tool call becomes a `ToolCallChunk` in it."""
    if isinstance(piece, Text):
        return AIMessageChunk(content=piece.text)
    if isinstance(piece, Reasoning):
        return AIMessageChunk(content="", additional_kwargs={"reasoning_content": piece.text})
    return AIMessageChunk(content="", tool_call_chunks=[_fragment(piece)])


def block_chunk(piece: Piece) -> AIMessageChunk:
    """Converts a piece to content blocks (LangChain's output version v1). Each kind of block has its own index.

    With LangChain's own conversion, reasoning and the first call would both get index 0 and be merged.
    """
    version = {"output_version": "v1"}
    if isinstance(piece, Text):
        return AIMessageChunk(
            content=[{"type": "text", "text": piece.text, "index": "lc_text"}], response_metadata=version
        )
    if isinstance(piece, Reasoning):
        thought = {"type": "reasoning", "reasoning": piece.text, "index": "lc_reasoning"}
        return AIMessageChunk(content=[thought], response_metadata=version)
    fragment = _fragment(piece)
    return AIMessageChunk(content=[{**fragment}], tool_call_chunks=[fragment], response_metadata=version)


def last_chunk(completion: Completion) -> AIMessageChunk:
    """The last chunk of a completion, with its usage and metadata."""
    return AIMessageChunk(
        content="",
        additional_kwargs=wanted_back(completion.message),
        usage_metadata=usage(completion),
        response_metadata=metadata(completion),
        chunk_position="last",
    )


def _fragment(piece: ToolCallPiece) -> ToolCallChunk:
    return tool_call_chunk(name=piece.name, args=piece.text, id=piece.id, index=piece.number)
