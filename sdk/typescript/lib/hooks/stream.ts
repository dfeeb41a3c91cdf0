/** The hook of chunks. */

import { Value } from "../json/value";
import { REQUEST_BODY } from "./bodies";
import { Call, Output } from "./call";
import { HttpRequest } from "./http";
import { choiceTexts } from "./texts";

/** What becomes of a chunk, and of those that are held back. */
enum Fate {
  PASS,
  SKIP,
  HOLD,
  SPLIT,
}

/** One chunk of a stream. Without any of the calls below, all that is held leaves, and then the chunk as it is left. */
export class StreamChunkHook extends Call {
  /** The chunk, as any JSON. What is changed in it goes out. It is `null` when the stream has ended. */
  chunk: Value;
  /** The chunks that this plugin holds back, in order. */
  held: Value[];
  /** Whether the stream has ended: there is no chunk, and what is held has to leave. */
  isFlush: bool;
  /** The request that is answered. */
  request: HttpRequest;
  private fate: Fate = Fate.PASS;
  private sent: Value[] = [];
  private kept: Value[] = [];

  constructor(document: Value) {
    super(document);
    this.chunk = document.at("chunk");
    this.held = document.at("held").items();
    this.isFlush = document.at("flush").bool;
    this.request = new HttpRequest(document.at("request"), REQUEST_BODY, true);
  }

  protected settle(): string {
    return this.request.bodyFailure;
  }

  /** The texts of all choices: read each by `text`, and change it by `setText`. */
  texts(): Value[] {
    return choiceTexts(this.chunk, "delta");
  }

  /** All that is held leaves, and not the chunk. */
  skip(): void {
    this.fate = Fate.SKIP;
  }

  /** The chunk is held back, behind those that are. */
  hold(): void {
    this.fate = Fate.HOLD;
  }

  /** These leave, in the place of all that is held and of the chunk. */
  send(chunks: Value[]): void {
    this.split(chunks, []);
  }

  /** These leave and those are held from now on, in the place of all that is held and of the chunk. */
  split(send: Value[], keep: Value[]): void {
    this.fate = Fate.SPLIT;
    this.sent = send;
    this.kept = keep;
  }

  protected write(output: Output): void {
    switch (this.fate) {
      case Fate.SKIP:
        output.flag("skip", true);
        break;
      case Fate.SPLIT:
        output.values("chunks", this.sent);
        if (this.kept.length > 0) {
          output.flag("hold", true);
          output.values("keep", this.kept);
        }
        break;
      default:
        if (this.fate == Fate.HOLD) output.flag("hold", true);
        if (!this.isFlush && this.chunk.isChanged) {
          output.flag("has_chunk", true);
          output.value("chunk", this.chunk);
        }
    }
  }
}

/** A chunk of a chat: the next piece of its text. */
export function chatChunk(text: string): Value {
  const delta = Value.object().set("content", text);
  const choice = Value.object().set("index", 0).set("delta", delta).set("finish_reason", new Value());
  return Value.object().set("object", "chat.completion.chunk").set("choices", [choice]);
}
