/** Says how hard a key was struck. */

import { Action, Fields, TriggerContext, registerAction } from "@plugbay/sdk";
import { info } from "@plugbay/sdk/host";

export { execute, execute_with_context, free, init, malloc, shutdown } from "@plugbay/sdk/actions";

class MyAction extends Action {
  private message: string = "";

  /** The parameters of one mapping: `params = { message = "..." }`. */
  params(params: Fields): void {
    this.message = params.needText("message");
  }

  /** Returns what went wrong, or nothing. */
  execute(context: TriggerContext): string {
    // A program change, for one, has no velocity.
    const velocity = context.velocity(0);
    if (velocity > 127) return `velocity ${velocity} is above 127`;
    const touch = velocity <= 40 ? "gently" : velocity <= 80 ? "firmly" : "with force";
    info(`${this.message} ${touch}`);
    return "";
  }
}

registerAction(new MyAction());
