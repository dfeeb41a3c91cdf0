/** An action plugin that answers to how hard a key was struck. */

import { Action, Fields, Metadata, TriggerContext, registerAction } from "@plugbay/sdk";
import { info } from "@plugbay/sdk/host";

export { describe as init, execute, execute_with_context, free, malloc, shutdown } from "@plugbay/sdk/actions";

class Velocity extends Action {
  private action: string = "";

  init(): string {
    info("midi_velocity is ready");
    return "";
  }

  metadata(): Metadata {
    const metadata = new Metadata("midi_velocity_typescript", "0.1.0");
    metadata.description = "Answers to how hard a key was struck";
    metadata.license = "MIT OR Apache-2.0";
    return metadata;
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
