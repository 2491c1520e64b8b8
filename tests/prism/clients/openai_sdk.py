"""OpenAI's Python client through the gateway, on OpenAI's own description."""

import io
import sys

from openai import OpenAI

base, key = sys.argv[1:]
client = OpenAI(base_url=base, api_key=key, max_retries=0)
assert client.models.list().data[0].object == "model"
asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Say a few words"}]}
chat = client.chat.completions.create(
    **asked,
    tools=[{"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}],
    temperature=0.2,
)
assert chat.object == "chat.completion", chat
told = client.responses.create(model="gpt-4o", input="Say a few words", max_output_tokens=64)
assert told.object == "response", told
assert client.embeddings.create(model="text-embedding-3-small", input=["a", "b"]).data[0].embedding
assert client.moderations.create(model="omni-moderation-latest", input="a").results
file = client.files.create(file=("a.jsonl", io.BytesIO(b"{}\n")), purpose="batch")
assert file.object == "file", file
batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
assert batch.object == "batch", batch
