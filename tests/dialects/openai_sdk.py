"""OpenAI's Python client at /openai/v1, answered by either vendor."""

import base64
import io
import json
import os
import sys
import time

from openai import APIError, AuthenticationError, BadRequestError, NotFoundError, OpenAI, RateLimitError

base, key = sys.argv[1:3]
client = OpenAI(base_url=f"{base}/openai/v1", api_key=key, max_retries=0)
OPENAI, ANTHROPIC = "openai-a~sandbox-large", "anthropic-a~sandbox-large"
PICTURE = "data:image/png;base64,iVBORw0KGgo="
LOOK = {
    "type": "function",
    "function": {
        "name": "look",
        "description": "Looks.",
        "strict": True,
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
FIND = {"type": "function", "function": {"name": "find", "strict": True, "parameters": {"type": "object", "properties": {}}}}


def user(text):
    return {"role": "user", "content": text}


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"nobody refused: {kind}")


def models():
    ids = [model.id for model in client.models.list()]
    for model in ["openai-a~sandbox-large", "anthropic-a~sandbox-large", "gpt-4o", "sandbox-sage-20260401"]:
        assert model in ids, ids
        assert client.models.retrieve(model).id == model
    missing = refused(NotFoundError, lambda: client.models.retrieve("openai-a~no-such-model"))
    assert (missing.code, missing.param) == ("model_not_found", "model"), missing.body
    stranger = OpenAI(base_url=f"{base}/openai/v1", api_key="nobody-knows-it", max_retries=0)
    error = refused(AuthenticationError, lambda: stranger.models.list())
    assert error.code == "invalid_api_key" and error.request_id, error.body


def chat():
    for model in [OPENAI, ANTHROPIC]:
        asked = {"model": model, "messages": [{"role": "system", "content": "Be brief."}, user("say 5 words")]}
        raw = client.chat.completions.with_raw_response.create(**asked, max_completion_tokens=50)
        whole = raw.parse()
        assert raw.headers["x-mosaic-provider"] == model.split("~")[0], raw.headers
        assert raw.headers["x-mosaic-attempts"] == "1" and raw.headers["x-request-id"], raw.headers
        text = whole.choices[0].message.content
        assert text == "word1 word2 word3 word4 word5", whole
        assert whole.choices[0].finish_reason == "stop" and whole.id.startswith("chatcmpl-"), whole
        assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens, whole.usage

        chunks = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert said == text and chunks[0].choices[0].delta.role == "assistant", chunks
        assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens and not chunks[-1].choices, chunks[-1]
        assert len({chunk.id for chunk in chunks}) == 1, "one id"
        bare = list(client.chat.completions.create(**asked, stream=True))
        assert all(chunk.usage is None for chunk in bare) and bare[-1].choices[0].finish_reason == "stop", bare[-1]

        short = client.chat.completions.create(model=model, messages=[user("say 50 words")], max_tokens=3)
        assert short.choices[0].finish_reason == "length", short
        stopped = client.chat.completions.create(model=model, messages=[user("say 9 words")], stop="word3")
        assert stopped.choices[0].message.content.strip() == "word1 word2", stopped
        refusal = client.chat.completions.create(model=model, messages=[user("refuse to sing")]).choices[0]
        assert (refusal.finish_reason, refusal.message.refusal) == ("content_filter", "I will not sing."), refusal
        picture = {"type": "image_url", "image_url": {"url": PICTURE}}
        seen = client.chat.completions.create(
            model=model, messages=[user([{"type": "text", "text": "what is it?"}, picture])]
        )
        assert "I see 1 pictures" in seen.choices[0].message.content, seen
        schema = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
        form = {"type": "json_schema", "json_schema": {"name": "it", "schema": schema}}
        formed = client.chat.completions.create(model=model, messages=[user("say 2 words")], response_format=form)
        assert "answer" in json.loads(formed.choices[0].message.content), formed


def tools():
    for model in [OPENAI, ANTHROPIC]:
        asked = user('call look and find {"city": "Paris"}')
        whole = client.chat.completions.create(model=model, messages=[asked], tools=[LOOK, FIND])
        choice = whole.choices[0]
        assert choice.finish_reason == "tool_calls" and choice.message.content is None, choice
        calls = choice.message.tool_calls
        assert [call.function.name for call in calls] == ["look", "find"], calls
        assert json.loads(calls[0].function.arguments) == {"city": "Paris"}, calls

        with client.chat.completions.stream(model=model, messages=[asked], tools=[LOOK, FIND]) as stream:
            last = stream.get_final_completion().choices[0]
        told = [(call.function.name, json.loads(call.function.arguments)) for call in last.message.tool_calls]
        assert told == [("look", {"city": "Paris"}), ("find", {"city": "Paris"})], told

        results = [{"role": "tool", "tool_call_id": call.id, "content": "sun"} for call in calls]
        again = client.chat.completions.create(model=model, messages=[asked, choice.message, *results], tools=[LOOK, FIND])
        assert again.choices[0].message.content == "The tools said: sun; sun", again
        one = client.chat.completions.create(
            model=model, messages=[asked], tools=[LOOK, FIND], parallel_tool_calls=False
        )
        assert len(one.choices[0].message.tool_calls) == 1, one
        must = client.chat.completions.create(
            model=model,
            messages=[user("hello")],
            tools=[LOOK, FIND],
            tool_choice={"type": "function", "function": {"name": "find"}},
        )
        assert must.choices[0].message.tool_calls[0].function.name == "find", must


def thinking():
    # What one vendor wants back of its thoughts goes back to it, whichever client carries it.
    asked = user("think about rain")
    whole = client.chat.completions.create(model=ANTHROPIC, messages=[asked], reasoning_effort="high", max_tokens=4000)
    message = whole.choices[0].message
    assert "What is there to say" in message.reasoning_content, message
    assert message.thinking_blocks[0]["signature"], message
    client.chat.completions.create(
        model=ANTHROPIC, messages=[asked, message, user("and now?")], reasoning_effort="high", max_tokens=4000
    )
    with client.chat.completions.stream(
        model=ANTHROPIC, messages=[asked], reasoning_effort="high", max_tokens=4000
    ) as stream:
        final = stream.get_final_completion().choices[0].message
    assert final.content == message.content, final


def errors():
    for model in [OPENAI, ANTHROPIC]:
        error = refused(BadRequestError, lambda: client.chat.completions.create(model=model, messages=[user("x")], n=2))
        assert (error.param, error.code) == ("n", "unsupported_parameter"), error.body
        error = refused(BadRequestError, lambda: client.chat.completions.create(model=model, messages=[]))
        assert error.type == "invalid_request_error", error.body
        part = {"type": "input_audio", "input_audio": {"data": "YQ==", "format": "wav"}}
        error = refused(
            BadRequestError, lambda: client.chat.completions.create(model=model, messages=[user([part])])
        )
        assert error.param == "messages[0].content[0].type", error.body
    # A field of one dialect is refused by the other's provider, by its name; a hint is left out, and told.
    asked = {"model": ANTHROPIC, "messages": [user("say 2 words")]}
    error = refused(BadRequestError, lambda: client.chat.completions.create(**asked, seed=7))
    assert error.param == "seed", error.body
    raw = client.chat.completions.with_raw_response.create(**asked, metadata={"a": "b"}, store=True)
    assert "metadata: left out" in raw.headers["x-mosaic-warnings"], raw.headers
    client.chat.completions.create(model=OPENAI, messages=[user("say 2 words")], seed=7)
    error = refused(NotFoundError, lambda: client.chat.completions.create(model="no-such", messages=[user("x")]))
    assert error.code == "model_not_found", error.body


def streams():
    # The sandbox breaks these streams after their first pieces.
    for model in [OPENAI, ANTHROPIC]:
        stream = client.chat.completions.create(model=model, messages=[user("say 50 words")], stream=True)
        heard = []
        error = refused(APIError, lambda: heard.extend(stream))
        assert error.message, error


def busy():
    # The sandbox's rate limit, once, with a wait that the client heeds.
    patient = OpenAI(base_url=f"{base}/openai/v1", api_key=key, max_retries=2)
    whole = patient.chat.completions.create(model=OPENAI, messages=[user("say 2 words")], timeout=30)
    assert whole.choices[0].message.content == "word1 word2", whole


def spent():
    # Nothing that waiting helps: one request, though the client would try again.
    patient = OpenAI(base_url=f"{base}/openai/v1", api_key=key, max_retries=2)
    error = refused(RateLimitError, lambda: patient.chat.completions.create(model=OPENAI, messages=[user("x")]))
    assert error.code == "insufficient_quota", error.body
    assert error.response.headers["x-should-retry"] == "false", error.response.headers


def embeddings():
    # By itself the client asks for base64, and reads it.
    made = client.embeddings.create(model="openai-a~sandbox-small", input=["a", "b"])
    floats = client.embeddings.create(model="openai-a~sandbox-small", input=["a", "b"], encoding_format="float")
    assert len(made.data) == 2 and made.usage.prompt_tokens > 0, made
    for one, other in zip(made.data, floats.data):
        assert one.index == other.index and all(abs(a - b) < 1e-6 for a, b in zip(one.embedding, other.embedding))
    error = refused(BadRequestError, lambda: client.embeddings.create(model="openai-a~sandbox-small", input=[1, 2]))
    assert error.param == "input", error.body


def moderations():
    judged = client.moderations.create(input=["hello", "kill"], extra_headers={"x-mosaic-provider": "openai-a"})
    assert len(judged.results) == 2 and judged.results[0].flagged is False, judged
    assert isinstance(judged.results[0].category_scores.violence, float), judged


def responses():
    tool = {"type": "function", **LOOK["function"]}
    for model in [OPENAI, ANTHROPIC]:
        made = client.responses.create(model=model, instructions="Be brief.", input="say 4 words")
        assert (made.status, made.output_text) == ("completed", "word1 word2 word3 word4"), made
        assert made.usage.input_tokens > 0 and made.error is None, made
        with client.responses.stream(model=model, input="say 4 words") as stream:
            names = [event.type for event in stream]
            final = stream.get_final_response()
        assert names[0] == "response.created" and names[-1] == "response.completed", names
        assert final.output_text == "word1 word2 word3 word4", final
        call = client.responses.create(model=model, input='call look {"city": "Paris"}', tools=[tool])
        item = call.output[-1]
        assert (item.type, item.name, json.loads(item.arguments)) == ("function_call", "look", {"city": "Paris"}), call
        with client.responses.stream(model=model, input='call look {"city": "Paris"}', tools=[tool]) as stream:
            streamed = stream.get_final_response().output[-1]
        assert json.loads(streamed.arguments) == {"city": "Paris"}, streamed
        output = {"type": "function_call_output", "call_id": item.call_id, "output": "sun"}
        said = [user('call look {"city": "Paris"}'), *[one.model_dump(exclude_none=True) for one in call.output], output]
        after = client.responses.create(model=model, input=said, tools=[tool])
        assert after.output_text == "The tools said: sun", after
        short = client.responses.create(model=model, input="say 50 words", max_output_tokens=16)
        assert (short.status, short.incomplete_details.reason) == ("incomplete", "max_output_tokens"), short
    search = {"type": "web_search"}
    asked = {"model": OPENAI, "input": "search for rain", "tools": [tool, search]}
    found = client.responses.create(**asked)
    assert [item.type for item in found.output] == ["web_search_call", "message"], found
    with client.responses.stream(**asked, tool_choice=search) as stream:
        streamed = stream.get_final_response()
    assert [item.type for item in streamed.output] == ["web_search_call", "message"], streamed
    alone = client.responses.create(**{**asked, "tools": [search]}, tool_choice="required")
    assert alone.output[0].type == "web_search_call", alone
    said = [user("search for rain"), *[one.model_dump(exclude_none=True) for one in found.output], user("say 2 words")]
    assert client.responses.create(model=OPENAI, input=said).output_text == "word1 word2"
    error = refused(BadRequestError, lambda: client.responses.create(**{**asked, "model": ANTHROPIC}))
    assert "tools (web_search)" in error.message, error.body
    kept = client.responses.create(model=OPENAI, input="say 4 words", store=True)
    assert kept.id.startswith("openai-a~"), kept
    assert client.responses.retrieve(kept.id).output_text == kept.output_text
    on = client.responses.create(model=OPENAI, input="say 2 words", previous_response_id=kept.id)
    assert on.previous_response_id == kept.id, on
    later = client.responses.create(model=OPENAI, input="say 2 words", background=True)
    assert later.status in ("queued", "in_progress"), later
    client.responses.cancel(later.id)
    error = refused(APIError, lambda: client.responses.create(model=ANTHROPIC, input="say 2 words", store=True))
    assert error.status_code == 400, error
    thought = client.responses.create(
        model=ANTHROPIC,
        input="think about rain",
        reasoning={"effort": "high", "summary": "auto"},
        include=["reasoning.encrypted_content"],
        max_output_tokens=4000,
    )
    assert thought.output[0].type == "reasoning" and thought.output[0].encrypted_content, thought
    said = [user("think about rain"), *[one.model_dump(exclude_none=True) for one in thought.output], user("go on")]
    client.responses.create(model=ANTHROPIC, input=said, reasoning={"effort": "high"}, max_output_tokens=4000)


def batches():
    pinned = {"x-mosaic-provider": "openai-a"}
    for model in [OPENAI, ANTHROPIC]:
        lines = [
            {"custom_id": str(at), "method": "POST", "url": "/v1/chat/completions",
             "body": {"model": model, "max_tokens": 50, "messages": [user(f"say {at} words")]}}
            for at in (1, 2)
        ]
        text = "\n".join(json.dumps(line) for line in lines)
        file = client.files.create(file=("a.jsonl", io.BytesIO(text.encode())), purpose="batch", extra_headers=pinned)
        assert file.bytes == len(text) and file.filename == "a.jsonl", file
        assert client.files.retrieve(file.id).id == file.id
        assert client.files.content(file.id).text == text
        batch = client.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
        )
        deadline = time.time() + 60
        while batch.status not in ("completed", "failed", "expired", "cancelled"):
            assert time.time() < deadline, batch
            batch = client.batches.retrieve(batch.id, extra_headers={"x-mosaic-no-cache": "true"})
        assert batch.status == "completed" and batch.request_counts.completed == 2, batch
        told = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
        texts = {row["custom_id"]: row["response"]["body"]["choices"][0]["message"]["content"] for row in told}
        assert texts == {"1": "word1", "2": "word1 word2"}, texts
        assert batch.id in [row.id for row in client.batches.list(limit=1)], "it is listed, page by page"
    wrong = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": OPENAI, "messages": [], "n": 2}}
    file = client.files.create(file=("b.jsonl", json.dumps(wrong).encode()), purpose="batch", extra_headers=pinned)
    error = refused(
        BadRequestError,
        lambda: client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"),
    )
    assert error.param == "input_file_id" and "line 1" in error.message, error.body
    # Newest first, page by page, and those alone that are for this.
    listed = [row.id for row in client.files.list(purpose="batch", limit=1)]
    assert listed[0] == file.id and len(listed) == len(set(listed)) > 2, listed
    assert not list(client.files.list(purpose="evals")), "none is for that"
    error = refused(BadRequestError, lambda: client.files.list(purpose="odd"))
    assert error.param == "purpose", error.body
    gone = client.files.delete(file.id)
    assert (gone.id, gone.object, gone.deleted) == (file.id, "file", True), gone
    refused(NotFoundError, lambda: client.files.retrieve(file.id))
    refused(NotFoundError, lambda: client.files.delete(file.id))
    assert file.id not in [row.id for row in client.files.list()], "it is listed no more"


globals()[os.environ["PART"]]()
