/**
 * Plugins for Plugbay in AssemblyScript.
 *
 * A plugin is a class, `register` says which, and "@plugbay/sdk/hooks" or "@plugbay/sdk/actions" has the exports that
 * it passes on. The functions of the host are in "@plugbay/sdk/host".
 */

export { Action, Metadata, TriggerContext, registerAction } from "./lib/action";
export { decodeBase64, encodeBase64 } from "./lib/base64";
export { Config, Fields } from "./lib/fields";
export { Call, Context } from "./lib/hooks/call";
export { HttpPostHook, HttpPreHook, HttpRequest, HttpResponse } from "./lib/hooks/http";
export { LlmError, LlmRequest, LlmResponse, PostHook, PreHook } from "./lib/hooks/llm";
export { Plugin, register } from "./lib/hooks/plugin";
export { StreamChunkHook, chatChunk } from "./lib/hooks/stream";
export { Kind, Parsed, Value } from "./lib/json/value";
export { Writer } from "./lib/json/writer";
export { decodeText, encodeText } from "./lib/utf8";
