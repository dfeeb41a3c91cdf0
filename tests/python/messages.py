"""Calls the gateway with Anthropic's official client and prints what it made of the answer, as JSON.

    messages.py BASE_URL '{"model": ..., "max_tokens": ..., "messages": ...}'     one request, streamed if it says so
"""

import json
import sys

import anthropic


def main(base_url, request):
    request = json.loads(request)
    streamed = request.pop("stream", False)
    # No retries: a failure is to be seen, not repaired.
    with anthropic.Anthropic(base_url=base_url, api_key="a client's key", max_retries=0, timeout=60) as client:
        try:
            if streamed:
                with client.messages.stream(**request) as stream:
                    events = [event.type for event in stream]
                    answer = {"message": stream.get_final_message().model_dump(), "events": events}
            else:
                answer = {"message": client.messages.create(**request).model_dump()}
        except anthropic.APIError as error:
            status = getattr(error, "status_code", None)
            answer = {"error": {"class": type(error).__name__, "status": status, "body": error.body}}
    print(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
