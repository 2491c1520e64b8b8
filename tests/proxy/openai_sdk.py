"""OpenAI's Python client through the gateway."""

import io
import sys

from openai import AuthenticationError, BadRequestError, NotFoundError, OpenAI

proxy, key = sys.argv[1:]
client = OpenAI(base_url=f"{proxy}openai-a", api_key=key, max_retries=2)
model = client.models.list().data[0].id
asked = {"model": model, "messages": [{"role": "user", "content": "Say a few words"}]}

# The first attempt fails, and the client tries again.
whole = client.chat.completions.create(**asked)
text = whole.choices[0].message.content
assert text and whole.usage.completion_tokens > 0, whole

chunks = list(client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
assert said == text, (said, text)
assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens, chunks[-1]


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"nobody refused: {kind}")


missing = refused(NotFoundError, lambda: client.models.retrieve("no-such-model"))
assert missing.body["code"] == "model_not_found", missing.body
refused(BadRequestError, lambda: client.chat.completions.create(model=model, messages=[]))
stranger = OpenAI(base_url=f"{proxy}openai-a", api_key="nobody-knows-it", max_retries=0)
refused(AuthenticationError, stranger.models.list)

# Files, to the last page.
mirror = OpenAI(base_url=f"{proxy}mirror-openai", api_key=key)
file = mirror.files.create(file=("a.bin", io.BytesIO(b"~" * (1 << 20))), purpose="batch")
assert file.bytes == 1 << 20, file
assert [file.id for file in mirror.files.list()] == ["file-1", "file-2"]
assert mirror.files.content("file-1").read() == b"~" * (1 << 20)
