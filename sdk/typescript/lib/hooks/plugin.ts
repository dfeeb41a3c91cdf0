/** A plugin with hooks: a class with those methods that it exports the hooks of. */

import { Config } from "../fields";
import { HttpPostHook, HttpPreHook } from "./http";
import { PostHook, PreHook } from "./llm";
import { StreamChunkHook } from "./stream";

export abstract class Plugin {
  /** Reads the configuration. A mistake that `config` notes keeps the plugin from being loaded. */
  init(config: Config): void {}

  /** A request as it came in. */
  httpPreHook(call: HttpPreHook): void {}

  /** A request on its way to the provider. */
  preHook(call: PreHook): void {}

  /** What the provider answered. */
  postHook(call: PostHook): void {}

  /** One chunk of a stream. */
  httpStreamChunkHook(call: StreamChunkHook): void {}

  /** A response on its way to the client. */
  httpPostHook(call: HttpPostHook): void {}

  /** The plugin is unloaded. */
  cleanup(): void {}
}

let name: string = "";
let plugin: Plugin | null = null;

/** Says which plugin this module is. It is called once, outside of all functions. */
export function register(named: string, made: Plugin): void {
  name = named;
  plugin = made;
}

export function registeredName(): string {
  return name;
}

export function registered(): Plugin {
  const made = plugin;
  if (made === null) throw new Error("no plugin: call register(name, new MyPlugin()) outside of all functions");
  return made;
}
