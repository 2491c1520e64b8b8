"""Anthropic's Python client at /anthropic, answered by either vendor."""

import os
import sys
import time

from anthropic import (
    Anthropic, APIStatusError, AuthenticationError, BadRequestError, NotFoundError, RateLimitError,
)

base, key = sys.argv[1:3]
client = Anthropic(base_url=f"{base}/anthropic", api_key=key, max_retries=0)
OPENAI, ANTHROPIC = "openai-a~sandbox-large", "anthropic-a~sandbox-large"
LOOK = {"name": "look", "description": "Looks.", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
FIND = {"name": "find", "input_schema": {"type": "object", "properties": {}}}
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}


def user(content):
    return {"role": "user", "content": content}


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"nobody refused: {kind}")


def models():
    ids = [model.id for model in client.models.list(limit=2)]
    for model in ["openai-a~sandbox-large", "anthropic-a~sandbox-large", "gpt-4o", "sandbox-sage-20260401"]:
        assert model in ids, ids
    assert len(ids) == len(set(ids)), ids
    # By another of its names a model is told by its own.
    assert client.models.retrieve("sandbox-sage", extra_headers={"x-mosaic-provider": "anthropic-a"}).id == "sandbox-sage-20260401"
    error = refused(NotFoundError, lambda: client.models.retrieve("anthropic-a~no-such-model"))
    assert error.body["error"]["type"] == "not_found_error" and error.request_id, error.body
    by_token = Anthropic(base_url=f"{base}/anthropic", auth_token=key, api_key=None, max_retries=0)
    assert by_token.models.list(limit=1).data
    stranger = Anthropic(base_url=f"{base}/anthropic", api_key="nobody-knows-it", max_retries=0)
    error = refused(AuthenticationError, lambda: stranger.models.list())
    assert error.body["error"]["type"] == "authentication_error", error.body


def messages():
    for model in [OPENAI, ANTHROPIC]:
        system = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
        asked = {"model": model, "max_tokens": 50, "system": system, "messages": [user("say 5 words")]}
        raw = client.messages.with_raw_response.create(**asked)
        whole = raw.parse()
        assert raw.headers["x-mosaic-provider"] == model.split("~")[0], raw.headers
        assert raw.headers["request-id"] == raw.headers["x-request-id"], raw.headers
        assert whole.content[0].text == "word1 word2 word3 word4 word5" and len(whole.content) == 1, whole
        assert (whole.stop_reason, whole.stop_sequence, whole.role) == ("end_turn", None, "assistant"), whole
        assert whole.id.startswith("msg_") and whole.usage.input_tokens > 0 and whole.usage.output_tokens > 0, whole
        with client.messages.stream(**asked) as stream:
            said = "".join(stream.text_stream)
            final = stream.get_final_message()
        assert said == whole.content[0].text and final.stop_reason == "end_turn", final
        assert final.usage.output_tokens == whole.usage.output_tokens, final.usage
        short = client.messages.create(model=model, max_tokens=3, messages=[user("say 50 words")])
        assert short.stop_reason == "max_tokens", short
        refusal = client.messages.create(model=model, max_tokens=50, messages=[user("refuse to sing")])
        assert refusal.stop_reason == "refusal" and refusal.content[-1].text == "I will not sing.", refusal
        seen = client.messages.create(
            model=model, max_tokens=99, messages=[user([{"type": "text", "text": "what is it?"}, PICTURE])]
        )
        assert "I see 1 pictures" in seen.content[0].text, seen
    stopped = client.messages.create(
        model=ANTHROPIC, max_tokens=50, messages=[user("say 9 words")], stop_sequences=["word3"]
    )
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "word3"), stopped
    count = client.messages.count_tokens(model=ANTHROPIC, messages=[user("say 5 words")])
    assert count.input_tokens > 0, count


def tools():
    for model in [OPENAI, ANTHROPIC]:
        asked = {"model": model, "max_tokens": 99, "tools": [LOOK, FIND], "messages": [user('call look and find {"city": "Paris"}')]}
        whole = client.messages.create(**asked)
        assert whole.stop_reason == "tool_use", whole
        told = [(block.name, block.input) for block in whole.content if block.type == "tool_use"]
        assert told == [("look", {"city": "Paris"}), ("find", {"city": "Paris"})], told
        with client.messages.stream(**asked) as stream:
            final = stream.get_final_message()
        assert [(block.name, block.input) for block in final.content if block.type == "tool_use"] == told, final
        results = [{"type": "tool_result", "tool_use_id": block.id, "content": "sun"} for block in whole.content if block.type == "tool_use"]
        said = [*asked["messages"], {"role": "assistant", "content": whole.content}, user(results)]
        after = client.messages.create(**{**asked, "messages": said})
        assert after.content[0].text == "The tools said: sun; sun", after
        one = client.messages.create(**asked, tool_choice={"type": "auto", "disable_parallel_tool_use": True})
        assert len([block for block in one.content if block.type == "tool_use"]) == 1, one
        must = client.messages.create(**{**asked, "messages": [user("hello")]}, tool_choice={"type": "tool", "name": "find"})
        assert must.content[-1].name == "find", must


def server_tools():
    asked = {"model": ANTHROPIC, "max_tokens": 99, "tools": [LOOK, SEARCH], "messages": [user("search for rain")]}
    whole = client.messages.create(**asked)
    used, found, text = whole.content
    assert (used.type, used.name, used.input) == ("server_tool_use", "web_search", {"query": "for rain"}), whole
    assert found.type == "web_search_tool_result" and found.tool_use_id == used.id, whole
    assert found.content[0].url == "https://found.example/" and text.type == "text", whole
    with client.messages.stream(**asked) as stream:
        events = list(stream)
        final = stream.get_final_message()
    assert [block.type for block in final.content] == [block.type for block in whole.content], final
    assert final.content[0].input == used.input and final.content[1].content == found.content, final
    pieces = [event.delta.partial_json for event in events if event.type == "content_block_delta" and event.delta.type == "input_json_delta"]
    assert "for rain" in "".join(pieces), "what it is called with is told as a piece"
    # What it has found goes back as it came.
    said = [*asked["messages"], {"role": "assistant", "content": whole.content}, user("say 2 words")]
    assert client.messages.create(**{**asked, "messages": said}).content[0].text == "word1 word2"
    changed = [block.model_dump() for block in whole.content]
    changed[1]["content"][0]["encrypted_content"] = "changed"
    said[1] = {"role": "assistant", "content": changed}
    refused(BadRequestError, lambda: client.messages.create(**{**asked, "messages": said}))
    # It may be chosen, alone or by its name.
    for tools, choice in [([SEARCH], {"type": "any"}), ([LOOK, SEARCH], {"type": "tool", "name": "web_search"})]:
        chosen = client.messages.create(**{**asked, "tools": tools}, tool_choice=choice)
        assert chosen.content[0].type == "server_tool_use", chosen
    assert client.messages.count_tokens(model=ANTHROPIC, messages=asked["messages"], tools=[SEARCH]).input_tokens > 0


def thinking():
    think = {"type": "enabled", "budget_tokens": 1024}
    asked = {"model": "anthropic-a~sandbox-small", "max_tokens": 4000, "thinking": think, "messages": [user("think about rain")]}
    whole = client.messages.create(**asked)
    assert whole.content[0].type == "thinking" and whole.content[0].signature, whole
    said = [*asked["messages"], {"role": "assistant", "content": whole.content}, user("go on")]
    client.messages.create(**{**asked, "messages": said})
    with client.messages.stream(**asked) as stream:
        final = stream.get_final_message()
    assert final.content[0].thinking == whole.content[0].thinking and final.content[0].signature, final
    secret = client.messages.create(**{**asked, "messages": [user("think in secret about rain")]})
    assert secret.content[0].type == "redacted_thinking", secret
    adaptive = client.messages.create(**{**asked, "model": ANTHROPIC, "thinking": {"type": "adaptive"}})
    assert adaptive.content[0].type == "thinking", adaptive
    # A vendor whose thoughts nobody signs has none to tell here, and takes none back.
    other = client.messages.create(model=OPENAI, max_tokens=4000, thinking=think, messages=said)
    assert all(block.type == "text" for block in other.content), other


def errors():
    for model in [OPENAI, ANTHROPIC]:
        error = refused(BadRequestError, lambda: client.messages.create(model=model, max_tokens=0, messages=[user("x")]))
        assert "max_tokens" in error.body["error"]["message"], error.body
        # Features of another vendor that a client asks for by itself are left out, and told.
        raw = client.beta.messages.with_raw_response.create(
            model=model, max_tokens=50, messages=[user("say 2 words")], betas=["some-feature-2026-01-01"]
        )
        assert "betas: left out" in raw.headers["x-mosaic-warnings"], raw.headers
    # Another vendor has none of this one's tools.
    error = refused(
        BadRequestError, lambda: client.messages.create(model=OPENAI, max_tokens=9, messages=[user("x")], tools=[SEARCH])
    )
    assert "tools (web_search_20250305)" in error.body["error"]["message"], error.body
    error = refused(
        BadRequestError,
        lambda: client.messages.create(model=OPENAI, max_tokens=9, messages=[user("x")], stop_sequences=list("abcde")),
    )
    assert "stop_sequences" in error.body["error"]["message"], error.body
    error = refused(BadRequestError, lambda: client.messages.create(model=OPENAI, max_tokens=9, messages=[user("x")], top_k=3))
    assert "top_k" in error.body["error"]["message"], error.body
    error = refused(NotFoundError, lambda: client.messages.create(model="no-such", max_tokens=9, messages=[user("x")]))
    assert error.body["error"]["type"] == "not_found_error", error.body


def streams():
    for model in [OPENAI, ANTHROPIC]:
        def hear():
            with client.messages.stream(model=model, max_tokens=99, messages=[user("say 50 words")]) as stream:
                for _ in stream:
                    pass

        error = refused(APIStatusError, hear)
        assert error.body["type"] == "error", error.body


def busy():
    patient = Anthropic(base_url=f"{base}/anthropic", api_key=key, max_retries=2)
    whole = patient.messages.create(model=OPENAI, max_tokens=50, messages=[user("say 2 words")], timeout=30)
    assert whole.content[0].text == "word1 word2", whole


def spent():
    patient = Anthropic(base_url=f"{base}/anthropic", api_key=key, max_retries=2)
    error = refused(RateLimitError, lambda: patient.messages.create(model=OPENAI, max_tokens=50, messages=[user("x")]))
    assert error.response.headers["x-should-retry"] == "false", error.response.headers


def batches():
    for model in [OPENAI, ANTHROPIC]:
        requests = [
            {"custom_id": f"r{at}", "params": {"model": model, "max_tokens": 50, "messages": [user(f"say {at} words")]}}
            for at in (1, 2)
        ]
        batch = client.messages.batches.create(requests=requests)
        deadline = time.time() + 60
        while batch.processing_status != "ended":
            assert time.time() < deadline, batch
            batch = client.messages.batches.retrieve(batch.id, extra_headers={"x-mosaic-no-cache": "true"})
        assert batch.request_counts.succeeded == 2 and batch.results_url.startswith(base), batch
        # It reads the batch, and then what its address says.
        texts = {row.custom_id: row.result.message.content[0].text for row in client.messages.batches.results(batch.id)}
        assert texts == {"r1": "word1", "r2": "word1 word2"}, texts
        assert batch.id in [row.id for row in client.messages.batches.list(limit=1)], "it is listed, page by page"
    waits = client.messages.batches.create(
        requests=[{"custom_id": "w", "params": {"model": ANTHROPIC, "max_tokens": 9, "messages": [user("wait")]}}]
    )
    assert client.messages.batches.cancel(waits.id).processing_status == "canceling"


globals()[os.environ["PART"]]()
