/** What is around the host: MIDI outputs, sounds, and the machine itself. */

import { Value } from "../json/value";
import { encodeText } from "../utf8";
import { Result, at, checked } from "./basic";
import { encode } from "./http";
import * as host from "./imports";

/** Sends whole MIDI messages, or a piece of system exclusive, to the output of this name. It takes `Midi`. */
export function midiSend(output: string, messages: ArrayBuffer): Result<i32> {
  const name = encodeText(output);
  return checked(host.midi_send(at(name), name.byteLength, at(messages), messages.byteLength));
}

/** Begins to play a sound; a volume that is no number is the host's own. It takes `Audio`. */
export function audioPlay(sound: string, volume: f64 = NaN): Result<i32> {
  const document = Value.object().set("sound", sound);
  if (isFinite(volume)) document.set("volume", volume);
  return audioPlayAs(encode(document));
}

/** Begins to play a sound: a document, or a name alone. */
export function audioPlayAs(document: ArrayBuffer): Result<i32> {
  return checked(host.audio_play(at(document), document.byteLength));
}

/**
 * Does something to the machine around the host: keystroke ("ctrl+shift+m"), volume ("50", "+5", "-5", "mute",
 * "unmute"), launch (an application), mode_change (a mode of conductor). It takes `SystemControl`.
 */
export function system(operation: string, argument: string): Result<i32> {
  return systemAs(encode(Value.object().set("operation", operation).set("argument", argument)));
}

/** Does something to the machine, by its document. */
export function systemAs(document: ArrayBuffer): Result<i32> {
  return checked(host.system(at(document), document.byteLength));
}
