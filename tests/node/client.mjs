// Calls the gateway with the official client and prints what it made of the answer, as JSON.
//
//     client.mjs BASE_URL '{"method": "chat.completions.create", "arguments": {...}}'
//
// A streamed answer is a list of its chunks, an error its status, code and message.

import OpenAI from "openai";

const [baseURL, request] = process.argv.slice(2);
// No retries: a failure is to be seen, not repaired.
const client = new OpenAI({ baseURL, apiKey: "a client's key", maxRetries: 0, timeout: 60_000 });

async function call({ method, arguments: given }) {
  const path = method.split(".");
  const name = path.pop();
  const owner = path.reduce((owner, name) => owner[name], client);
  const answer = await owner[name](given);
  if (!given.stream) return answer;
  const chunks = [];
  for await (const chunk of answer) chunks.push(chunk);
  return chunks;
}

try {
  console.log(JSON.stringify({ result: await call(JSON.parse(request)) }));
} catch (error) {
  if (!(error instanceof OpenAI.APIError)) throw error;
  const { status, code, message } = error;
  console.log(JSON.stringify({ error: { kind: error.constructor.name, status, code, message } }));
}
