/** An action that says what it is, takes one document, and calls the function of the host that its parameters name. */

import { Action, Fields, Metadata, TriggerContext, Value, decodeText, encodeText, registerAction } from "../../index";
import * as host from "../../host";

export { capabilities, describe as init, execute, free, malloc } from "../../actions";

function told(error: host.HostError | null): string {
  return error === null ? "" : error.toString();
}

class Lamp extends Action {
  private todo: string = "";

  init(): string {
    return host.now() < 0 ? "it is too early" : "";
  }

  metadata(): Metadata {
    const metadata = new Metadata("lamp \"ü\"", "1.2.0");
    metadata.author = "ada";
    return metadata;
  }

  capabilities(): string[] {
    return ["Midi", "Network"];
  }

  params(params: Fields): void {
    this.todo = params.needText("do");
  }

  execute(context: TriggerContext): string {
    const todo = this.todo;
    const bytes = encodeText("a");
    if (todo == "trigger") host.info(context.trigger + " " + context.note(0).toString() + context.metadata("by"));
    // A text that was cut in two is a text all the same.
    if (todo == "log") return told(host.log(host.Level.WARNING, "😀".substring(0, 1) + "!").error);
    if (todo == "random") {
      const random = host.random(4);
      host.info(Uint8Array.wrap(random.value).join());
      return told(random.error);
    }
    if (todo == "metric") return told(host.metric(host.MetricKind.GAUGE, "lamps", 1.5).error);
    if (todo == "http_request") {
      const request = new host.Request("https://a.example/x", "PUT");
      request.headers.push(["a", "b"]);
      const answer = request.send(bytes);
      if (answer.error === null) {
        const got = answer.value!;
        host.info(`${got.status} ${got.header("X-A")!} ${decodeText(got.body)}`);
      }
      return told(answer.error);
    }
    if (todo == "ws") {
      const opening = new host.Opening("wss://a.example/");
      opening.protocols.push("chat");
      const opened = opening.open();
      if (opened.error !== null) return told(opened.error);
      const socket = opened.value!;
      socket.sendText("hi");
      socket.send(host.MessageKind.BINARY, bytes);
      for (let i = 0; i < 4; i++) {
        const received = socket.receive(0);
        if (received.error !== null) return told(received.error);
        host.info(received.value!.kind.toString());
      }
      return told(socket.close().error);
    }
    if (todo == "midi_send") return told(host.midiSend("synth", encodeText("\x10\x20\x30")).error);
    if (todo == "audio_play") return told(host.audioPlay("bell", 0.5).error);
    if (todo == "run") {
      const program = new host.Program("count");
      program.args.push("1");
      const ran = program.run(bytes);
      if (ran.error === null) host.info(`${ran.value!.status} ${decodeText(ran.value!.stdout)}`);
      return told(ran.error);
    }
    if (todo == "system") return told(host.system("volume", "+5").error);
    if (todo == "kv") {
      const key = new Uint8Array(2);
      key[1] = 255;
      const set = host.kvSet(key.buffer, key.buffer);
      if (set.error !== null) return told(set.error);
      const got = host.kvGet(key.buffer);
      if (got.value === null || got.value!.byteLength != 2) return "it is not there";
      const swapped = host.kvSwap(key.buffer, key.buffer, bytes);
      return swapped.value.done ? told(swapped.error) : "it was not swapped";
    }
    return "";
  }
}

/** UTF-8 there and back. */
export function utf8(start: u32, length: u32): void {
  const bytes = new ArrayBuffer(length);
  memory.copy(changetype<usize>(bytes), start, length);
  host.info(Value.of(decodeText(bytes)).toString());
}

registerAction(new Lamp());
