"""Anthropic's Python client through the gateway, on Anthropic's own description."""

import sys

from anthropic import Anthropic

base, key = sys.argv[1:]
client = Anthropic(base_url=base, api_key=key, max_retries=0)
assert client.models.list(limit=1).data[0].type == "model"
messages = [{"role": "user", "content": "Say a few words"}]
said = client.messages.create(
    model="claude-opus-4-6",
    max_tokens=64,
    messages=messages,
    system="Be brief",
    tools=[{"name": "now", "description": "The time", "input_schema": {"type": "object", "properties": {}}}],
)
assert said.type == "message", said
assert client.messages.count_tokens(model="claude-opus-4-6", messages=messages).input_tokens is not None
request = {"custom_id": "a", "params": {"model": "claude-opus-4-6", "max_tokens": 64, "messages": messages}}
assert client.messages.batches.create(requests=[request]).type == "message_batch"
