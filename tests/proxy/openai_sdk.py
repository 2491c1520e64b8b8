"""OpenAI's Python client through the gateway."""

import sys

from openai import AuthenticationError, BadRequestError, NotFoundError, OpenAI

base_url, key = sys.argv[1:]
client = OpenAI(base_url=base_url, api_key=key, max_retries=2)
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
refused(AuthenticationError, OpenAI(base_url=base_url, api_key="nobody-knows-it", max_retries=0).models.list)
