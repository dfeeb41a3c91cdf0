/**
 * The functions of the host, typed; docs/host-functions.md says what each does and which grant it takes.
 *
 * Bytes are an `ArrayBuffer`; `encodeText` and `decodeText` make them of text, and text of them. Nothing throws: what can
 * fail returns a `Result`. What takes a document is here once more with the document as it is, under a name that ends
 * in `As`. A plugin imports the functions that it calls, and no other.
 */

export {
  ErrorClass, HostError, Level, MetricKind, Result, answer, answerDocument, className, error, info, log, metric, now,
  random, version, warn,
} from "./lib/host/basic";
export { audioPlay, audioPlayAs, midiSend, system, systemAs } from "./lib/host/devices";
export { Request, Response, httpRequestAs } from "./lib/host/http";
export { Swap, kvDelete, kvGet, kvSet, kvSwap } from "./lib/host/kv";
export { Output, Program, runAs } from "./lib/host/program";
export { Message, MessageKind, Opening, Socket, wsOpenAs } from "./lib/host/ws";
