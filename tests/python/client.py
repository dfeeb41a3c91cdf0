"""Calls the gateway with the official client and prints what it made of the answer, as JSON.

    client.py BASE_URL chat '{"model": ..., "messages": ...}'     one request, streamed if it says so
    client.py BASE_URL many '[{...}, {...}]'                      streamed requests, all at once
    client.py BASE_URL models                                     the list of models
    client.py BASE_URL call '{"method": ..., "arguments": {...}}' any method, such as `responses.create`
"""

import asyncio
import base64
import functools
import json
import sys

import openai

# No retries: a failure is to be seen, not repaired.
OPTIONS = {"api_key": "a client's key", "max_retries": 0, "timeout": 60}


def chat(client, request):
    raw = client.chat.completions.with_raw_response.create(**request)
    answer = raw.parse()
    if request.get("stream"):
        result = {"chunks": [], "error": None}
        try:
            for chunk in answer:
                result["chunks"].append(chunk.model_dump(exclude_unset=True))
        except openai.APIError as error:
            result["error"] = described(error)
    else:
        result = answer.model_dump(exclude_unset=True)
    return {"result": result, "headers": dict(raw.headers)}


def models(client):
    return {"result": [model.model_dump() for model in client.models.list()]}


def call(client, request):
    method = functools.reduce(getattr, request["method"].split("."), client)
    arguments = request["arguments"]
    if "file" in arguments:
        name, content, kind = arguments["file"]
        arguments["file"] = (name, base64.b64decode(content), kind)
    answer = method(**arguments)
    if isinstance(answer, str):
        result = answer
    elif isinstance(answer, openai.Stream):
        result = [event.model_dump(exclude_unset=True) for event in answer]
    elif hasattr(answer, "read"):
        result = base64.b64encode(answer.read()).decode()
    else:
        result = answer.model_dump(exclude_unset=True)
    return {"result": result}


async def many(base_url, requests):
    async def text(client, request):
        stream = await client.chat.completions.create(stream=True, **request)
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
        return "".join(pieces)

    async with openai.AsyncOpenAI(base_url=base_url, **OPTIONS) as client:
        texts = await asyncio.gather(*(text(client, request) for request in requests))
    return {"result": texts}


def described(error):
    return {
        "class": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "message": error.message,
        "type": error.type,
        "code": error.code,
        "param": error.param,
        "body": error.body,
        "request_id": getattr(error, "request_id", None),
        "retry_after": error.response.headers.get("retry-after") if hasattr(error, "response") else None,
    }


def main(base_url, command, request="null"):
    request = json.loads(request)
    with openai.OpenAI(base_url=base_url, **OPTIONS) as client:
        try:
            if command == "chat":
                answer = chat(client, request)
            elif command == "models":
                answer = models(client)
            elif command == "call":
                answer = call(client, request)
            elif command == "many":
                answer = asyncio.run(many(base_url, request))
            else:
                sys.exit(f"there is no command {command!r}")
        except openai.APIError as error:
            answer = {"error": described(error)}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
