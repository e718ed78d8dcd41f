"""Yours: the tests of your backend. They talk to the real server over a real socket."""

from competitor.checks import Target


def test_the_answer_is_the_model_s(target: Target) -> None:
    stream = target.stream('mock{"word": "pong", "tokens": 3}')
    assert stream.text == "pong0 pong1 pong2 "
    assert stream.done


def test_the_conversation_reaches_the_model_as_it_is(target: Target) -> None:
    conversation = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "Hello, Ada."},
        {"role": "user", "content": "What is my name?"},
    ]
    target.ask(messages=conversation)
    assert target.upstream is not None
    got = target.upstream.requests()[-1]["body"]["messages"]
    assert got[-len(conversation) :] == conversation  # before it may come a system prompt of yours
