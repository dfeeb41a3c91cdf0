/** Where the words are in requests, answers and chunks of a chat. */

import { Value } from "../json/value";

/** The texts of a list of messages, each a string or an object with `content`; or a text by itself. */
export function messageTexts(input: Value): Value[] {
  const texts: Value[] = [];
  if (!input.isList) collect(input, texts);
  const messages = input.items();
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i];
    collect(message.isObject ? message.at("content") : message, texts);
  }
  return texts;
}

/** The texts of `choices`, in the field of each that is named. */
export function choiceTexts(answer: Value, field: string): Value[] {
  const texts: Value[] = [];
  const choices = answer.at("choices").items();
  for (let i = 0; i < choices.length; i++) {
    collect(choices[i].at(field).at("content"), texts);
  }
  return texts;
}

/** A text, or parts with texts. */
function collect(content: Value, texts: Value[]): void {
  if (content.isText) texts.push(content);
  const parts = content.items();
  for (let i = 0; i < parts.length; i++) {
    const text = parts[i].at("text");
    if (text.isText) texts.push(text);
  }
}
