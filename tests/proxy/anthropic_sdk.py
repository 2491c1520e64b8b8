"""Anthropic's Python client through the gateway."""

import io
import sys

from anthropic import Anthropic, AuthenticationError, BadRequestError, NotFoundError

proxy, key = sys.argv[1:]
base_url = f"{proxy}anthropic-a"
client = Anthropic(base_url=base_url, api_key=key, max_retries=2)

# Page by page.
models = [model.id for model in client.models.list(limit=1)]
assert len(models) > 2 and len(models) == len(set(models)), models
assert client.models.retrieve(models[0]).id == models[0]
asked = {"model": models[0], "max_tokens": 100, "messages": [{"role": "user", "content": "Say 5 words"}]}

# The first attempt fails, and the client tries again.
whole = client.messages.create(**asked)
text = whole.content[0].text
assert text and whole.usage.output_tokens > 0, whole
counted = client.messages.count_tokens(model=asked["model"], messages=asked["messages"])
assert counted.input_tokens == whole.usage.input_tokens, (counted, whole)

with client.messages.stream(**asked) as stream:
    said = "".join(stream.text_stream)
    final = stream.get_final_message()
assert said == text, (said, text)
assert final.usage.output_tokens == whole.usage.output_tokens, final


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"nobody refused: {kind}")


missing = refused(NotFoundError, lambda: client.models.retrieve("no-such-model"))
assert missing.body["error"]["type"] == "not_found_error", missing.body
refused(BadRequestError, lambda: client.messages.create(**{**asked, "messages": []}))
stranger = Anthropic(base_url=base_url, api_key="nobody-knows-it", max_retries=0)
refused(AuthenticationError, stranger.models.list)
# The key as a token.
bearer = Anthropic(base_url=base_url, auth_token=key)
assert bearer.models.list(limit=1).data[0].id == models[0]

# Files, to the last page.
mirror = Anthropic(base_url=f"{proxy}mirror-anthropic", api_key=key)
file = mirror.beta.files.upload(file=("a.bin", io.BytesIO(b"~" * (1 << 20)), "application/octet-stream"))
assert file.size_bytes == 1 << 20, file
assert [file.id for file in mirror.beta.files.list()] == ["file-1", "file-2"]
assert mirror.beta.files.download("file-1").read() == b"~" * (1 << 20)
