/**
 * A hook plugin that calls the host functions that a request names.
 *
 * `arguments` reads what the request says, and `toolbox` calls and tells the outcome.
 */

import { Plugin, PreHook, register } from "@plugbay/sdk";
import { outcomeOf } from "./toolbox";

export { free, get_name, malloc, pre_hook } from "@plugbay/sdk/hooks";

class Toolbox extends Plugin {
  preHook(call: PreHook): void {
    const tool = call.request.params.at("tool");
    if (!tool.isNull) call.context.set("tool", outcomeOf(tool));
  }
}

register("toolbox_typescript", new Toolbox());
