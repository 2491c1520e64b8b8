"""OpenAI's framework for agents at /openai/v1, by both of its APIs, with models of either vendor."""

import asyncio
import sys

from agents import (
    Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled,
)
from openai import AsyncOpenAI

base, key = sys.argv[1:3]
set_tracing_disabled(True)
client = AsyncOpenAI(base_url=f"{base}/openai/v1", api_key=key, max_retries=0)
seen = []


@function_tool
def look(city: str) -> str:
    """Looks at the weather."""
    seen.append(city)
    return f"sun in {city}"


async def main():
    for model in ["openai-a~sandbox-large", "anthropic-a~sandbox-large"]:
        for api in [OpenAIChatCompletionsModel, OpenAIResponsesModel]:
            agent = Agent(
                name="Weather", instructions="Tell the weather.", tools=[look], model=api(model=model, openai_client=client)
            )
            seen.clear()
            result = await Runner.run(agent, 'call look {"city": "Paris"}', max_turns=4)
            assert (seen, result.final_output) == (["Paris"], "The tools said: sun in Paris"), (model, api, result)
            streamed = Runner.run_streamed(agent, 'call look {"city": "Rome"}', max_turns=4)
            kinds = [event.type async for event in streamed.stream_events()]
            assert streamed.final_output == "The tools said: sun in Rome", (model, api, streamed)
            assert "raw_response_event" in kinds and seen == ["Paris", "Rome"], (model, api, kinds)


asyncio.run(main())
