/** A plugin with binary bodies, whose hooks do what the path of the request says. */

import { HttpPostHook, HttpPreHook, HttpResponse, Plugin, StreamChunkHook, encodeText, register } from "../../index";

export { plugbay_abi } from "../../bodies";
export { free, get_name, http_post_hook, http_pre_hook, http_stream_chunk_hook, init, malloc } from "../../hooks";

class Binary extends Plugin {
  httpPreHook(call: HttpPreHook): void {
    const request = call.request;
    const todo = request.path;
    if (todo == "/write") request.writeBody(1, encodeText("o!"));
    if (todo == "/truncate") request.truncateBody(1);
    if (todo == "/empty") request.setBody(new ArrayBuffer(0));
    if (todo == "/path") request.setPath("/new");
    if (todo == "/fail") {
      request.setText("else");
      call.fail("no");
    }
    if (todo == "/answer" || todo == "/none") {
      request.setText("else");
      const response = HttpResponse.withStatus(418);
      const body = encodeText("ho");
      if (todo == "/answer") response.setBody(body);
      store<u8>(changetype<usize>(body), 0x3f);
      call.respond(response);
    }
    if (todo == "/look") {
      call.context.set("text", request.text);
      call.context.set("length", request.bodyLength);
      const parts: i32[] = [];
      const places: i64[] = [0, 1, 2, 3, -1, i64.MAX_VALUE];
      for (let i = 0; i < places.length; i++) parts.push(request.readBody(places[i], 2).byteLength);
      call.context.set("parts", parts);
      const refused = [
        request.writeBody(-1, encodeText("x")), request.writeBody(100, encodeText("x")), request.truncateBody(-1),
        request.truncateBody(100),
      ];
      call.context.set("refused", refused);
    }
  }

  httpPostHook(call: HttpPostHook): void {
    const todo = call.request.path;
    if (todo == "/request") call.request.setText("x");
    else if (todo == "/made") call.response = HttpResponse.withStatus(204);
    else call.response.setText(call.request.text + call.response.text);
    if (todo == "/try" && call.request.writeBody(0, encodeText("x"))) call.fail("it was written");
  }

  httpStreamChunkHook(call: StreamChunkHook): void {
    call.context.set("text", call.request.text);
    if (call.request.path == "/request") call.request.setText("x");
  }
}

register("binary", new Binary());
