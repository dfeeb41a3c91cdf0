/** An action plugin that answers to how hard a key was struck. */

import { Action, Fields, TriggerContext, registerAction } from "@plugbay/sdk";
import { info } from "@plugbay/sdk/host";

export { execute, execute_with_context, free, init, malloc, shutdown } from "@plugbay/sdk/actions";

class Velocity extends Action {
  private action: string = "";

  init(): string {
    info("midi_velocity is ready");
    return "";
  }

  /** The parameters of one mapping, as the user wrote them. */
  params(params: Fields): void {
    this.action = params.needText("action");
  }

  execute(context: TriggerContext): string {
    // A program change, for one, has no velocity.
    const velocity = context.velocity(0);
    if (velocity > 127) return `velocity ${velocity} is above 127`;
    const touch = velocity <= 40 ? "gently" : velocity <= 80 ? "firmly" : "with force";
    const mode = context.has("mode") ? ` in mode ${context.mode(0)}` : "";
    info(`midi_velocity: ${this.action} ${touch} (velocity ${velocity})${mode}`);
    return "";
  }

  shutdown(): void {
    info("midi_velocity is going away");
  }
}

registerAction(new Velocity());
