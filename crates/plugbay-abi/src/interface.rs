//! What a module's exports make of it: a hook plugin, an action plugin, both, or neither.
//!
//! Names and signatures are settled here, once per module, so that a call needs
//! no look-up and a wrong signature is found before anything runs.

use std::fmt;

use crate::json::excerpt;
use crate::value::{Export, ExportId, FuncType, ValueType};

use ValueType::{I32, I64};

/// The hooks, in the order of a request's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hook {
    /// `http_pre_hook`: the HTTP request as it came in.
    HttpPre,
    /// `pre_hook`: the parsed LLM request.
    Pre,
    /// `post_hook`: the LLM response, or the error.
    Post,
    /// `http_stream_chunk_hook`: one chunk of a streamed response.
    HttpStreamChunk,
    /// `http_post_hook`: the HTTP response before it is sent.
    HttpPost,
}

impl Hook {
    /// Every hook.
    pub const ALL: [Hook; 5] =
        [Hook::HttpPre, Hook::Pre, Hook::Post, Hook::HttpStreamChunk, Hook::HttpPost];

    /// The name a plugin exports it under.
    pub fn export(self) -> &'static str {
        match self {
            Hook::HttpPre => "http_pre_hook",
            Hook::Pre => "pre_hook",
            Hook::Post => "post_hook",
            Hook::HttpStreamChunk => "http_stream_chunk_hook",
            Hook::HttpPost => "http_post_hook",
        }
    }

    /// The hook that a plugin exports as `name`, older names included.
    pub fn from_export(name: &str) -> Option<Hook> {
        Hook::ALL.into_iter().find(|hook| hook.names().contains(&name))
    }

    fn names(self) -> &'static [&'static str] {
        match self {
            // `http_intercept` is what plugins of an earlier generation call it.
            Hook::HttpPre => &["http_pre_hook", "http_intercept"],
            Hook::Pre => &["pre_hook"],
            Hook::Post => &["post_hook"],
            Hook::HttpStreamChunk => &["http_stream_chunk_hook"],
            Hook::HttpPost => &["http_post_hook"],
        }
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.export())
    }
}

/// Which front end a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// The gateway: at least one hook or `get_name`.
    Hook,
    /// Conductor: `execute` or `execute_with_context`.
    Action,
    /// One module that serves both.
    Both,
}

impl World {
    /// The world whose exports a module has by name, right or wrong in signature.
    ///
    /// `init`, `cleanup` and the allocator's names decide nothing: many a module has those.
    pub fn of(exports: &[Export]) -> Option<World> {
        let hook = exports
            .iter()
            .any(|export| Hook::from_export(&export.name).is_some() || export.name == "get_name");
        let action = exports
            .iter()
            .any(|export| matches!(&*export.name, "execute" | "execute_with_context"));
        match (hook, action) {
            (true, true) => Some(World::Both),
            (true, false) => Some(World::Hook),
            (false, true) => Some(World::Action),
            (false, false) => None,
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            World::Hook => "hook",
            World::Action => "action",
            World::Both => "both",
        })
    }
}

/// The guest's allocator, as far as it exports one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocator {
    /// `plugin_malloc`, `malloc` or `alloc`.
    pub alloc: ExportId,
    /// `plugin_free`, `free` or `dealloc`.
    pub free: Option<Free>,
}

/// How the guest takes memory back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Free {
    /// The export.
    pub export: ExportId,
    /// Whether it wants the size beside the pointer.
    pub sized: bool,
}

/// What an `init` export takes and returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitKind {
    /// `(ptr, len) -> i32`: a configuration; 0 = success.
    Config,
    /// `() -> ()`.
    Plain,
    /// `() -> i32`: 0 = success.
    Status,
    /// `() -> u64`: packed metadata.
    Metadata,
}

/// How a WASI module wants to be started before anything else is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// `_initialize`: a reactor.
    Reactor(ExportId),
    /// `_start`: a command; ending in `proc_exit(0)` is success.
    Command(ExportId),
}

/// Which generation of the hook contract a plugin speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Abi {
    /// 1: bodies are base64 in the documents.
    #[default]
    V1,
    /// 2: bodies stay with the host, and are read and written through its functions.
    V2,
}

impl Abi {
    /// What a plugin's `plugbay_abi` answered.
    ///
    /// # Errors
    ///
    /// When it is no generation that this crate knows.
    pub fn from_number(found: i32) -> Result<Abi, UnknownAbi> {
        match found {
            1 => Ok(Abi::V1),
            2 => Ok(Abi::V2),
            found => Err(UnknownAbi { found }),
        }
    }

    /// What a plugin of this generation answers.
    pub fn number(self) -> u8 {
        match self {
            Abi::V1 => 1,
            Abi::V2 => 2,
        }
    }
}

impl fmt::Display for Abi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number().fmt(f)
    }
}

/// A generation of the hook contract that there is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`plugbay_abi` returned {found}, wanted 1 or 2")]
pub struct UnknownAbi {
    /// What the plugin answered.
    pub found: i32,
}

/// The exports of a plugin, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interface {
    /// Which front ends it serves.
    pub world: World,
    /// Its allocator; absent, the host makes pages of its own.
    pub allocator: Option<Allocator>,
    /// `plugbay_abi`, which answers the number of an [`Abi`]; without it, it is the first.
    pub abi: Option<ExportId>,
    /// What WASI wants called first.
    pub start: Option<Start>,
    /// `init`.
    pub init: Option<(ExportId, InitKind)>,
    /// `get_name`.
    pub get_name: Option<ExportId>,
    /// `cleanup`.
    pub cleanup: Option<ExportId>,
    /// `execute`.
    pub execute: Option<ExportId>,
    /// `execute_with_context`.
    pub execute_with_context: Option<ExportId>,
    /// `shutdown`.
    pub shutdown: Option<ExportId>,
    /// `capabilities`.
    pub capabilities: Option<ExportId>,
    hooks: [Option<ExportId>; Hook::ALL.len()],
}

impl Interface {
    /// The export of one hook, or `None`: then that hook costs nothing.
    pub fn hook(&self, hook: Hook) -> Option<ExportId> {
        self.hooks.get(hook as usize).copied().flatten()
    }

    /// The hooks that the plugin exports.
    pub fn hooks(&self) -> impl Iterator<Item = Hook> + '_ {
        Hook::ALL.into_iter().filter(|hook| self.hook(*hook).is_some())
    }

    /// Whether the gateway can use it.
    pub fn is_hook_plugin(&self) -> bool {
        self.world != World::Action
    }

    /// Whether conductor can use it.
    pub fn is_action_plugin(&self) -> bool {
        self.world != World::Hook
    }

    /// Settles what a module's exports mean.
    ///
    /// `exports` is every function export in the module's own order, so that an
    /// [`ExportId`] can be handed back to the engine; `has_memory` says whether it
    /// exports a linear memory named `memory`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, not just the first: a missing or ill-typed export
    /// each names the export, the signature found and the one wanted.
    pub fn inspect(exports: &[Export], has_memory: bool) -> Result<Interface, Vec<Problem>> {
        let mut table = Table { exports, problems: Vec::new() };

        let Some(world) = World::of(exports) else {
            let mut found: Vec<String> = exports.iter().map(|export| export.name.clone()).collect();
            // Engines list exports in different orders; the message is to be the same.
            found.sort();
            return Err(vec![Problem::NotAPlugin { found }]);
        };
        // A name means something only to the contract that has it: an action plugin may
        // export a `cleanup` of its own, and a hook plugin a `shutdown`.
        let (is_hook, is_action) = (world != World::Action, world != World::Hook);
        if !has_memory {
            table.problems.push(Problem::NoMemory);
        }

        let hooks = Hook::ALL.map(|hook| table.hook(hook));
        let get_name = table.find(&["get_name"], &[signature(&[], &[I64])]);
        if is_hook && table.index("get_name").is_none() {
            table.missing("get_name", &[signature(&[], &[I64])]);
        }
        let allocator = table.allocator();
        if is_hook && table.named(ALLOC_NAMES).is_none() {
            table.missing("malloc", &[signature(&[I32], &[I32])]);
        }
        let start = match table.find(&["_initialize"], &[signature(&[], &[])]) {
            Some(export) => Some(Start::Reactor(export)),
            None => table.find(&["_start"], &[signature(&[], &[])]).map(Start::Command),
        };
        let interface = Interface {
            world,
            allocator,
            abi: table.find_if(is_hook, "plugbay_abi", &[signature(&[], &[I32])]),
            start,
            init: table.init(world),
            get_name,
            cleanup: table.find_if(is_hook, "cleanup", &[signature(&[], &[I32])]),
            execute: table.find_if(is_action, "execute", &[signature(&[I32; 2], &[I32])]),
            execute_with_context: table.find_if(
                is_action,
                "execute_with_context",
                &[signature(&[I32; 4], &[I32])],
            ),
            shutdown: table.find_if(is_action, "shutdown", &[signature(&[], &[])]),
            capabilities: table.find_if(
                is_action,
                "capabilities",
                &[signature(&[], &[I32]), signature(&[], &[I64])],
            ),
            hooks,
        };
        if table.problems.is_empty() { Ok(interface) } else { Err(table.problems) }
    }

    /// Which of the ten exports of the hook contract, or of the four of the action
    /// contract, a module lacks. An optional export that is missing is no
    /// error to [`inspect`](Self::inspect); a strict check asks for all of them.
    pub fn missing_of(world: World, exports: &[Export]) -> Vec<&'static str> {
        let hook = [
            "malloc",
            "free",
            "get_name",
            "init",
            "http_pre_hook",
            "http_post_hook",
            "http_stream_chunk_hook",
            "pre_hook",
            "post_hook",
            "cleanup",
        ];
        let action = ["init", "execute", "shutdown", "capabilities"];
        let mut wanted: Vec<&'static str> = Vec::new();
        if world != World::Action {
            wanted.extend(hook);
        }
        if world != World::Hook {
            let more = action.into_iter().filter(|name| world == World::Action || *name != "init");
            wanted.extend(more);
        }
        wanted.retain(|name| {
            let accepted: &[&str] = match *name {
                "malloc" => ALLOC_NAMES,
                "free" => FREE_NAMES,
                "http_pre_hook" => &["http_pre_hook", "http_intercept"],
                "execute" => &["execute", "execute_with_context"],
                _ => &[],
            };
            !exports.iter().any(|e| e.name == *name || accepted.contains(&&*e.name))
        });
        wanted
    }
}

/// In order of preference, each with its counterpart. A `plugin_` prefix exists because a
/// `malloc` that clashes with libc's cannot be linked.
const ALLOC_NAMES: &[&str] = &["plugin_malloc", "malloc", "alloc"];
const FREE_NAMES: &[&str] = &["plugin_free", "free", "dealloc"];

fn signature(params: &[ValueType], results: &[ValueType]) -> FuncType {
    FuncType::new(params, results)
}

/// Something that keeps a module from being a plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A required export is not there.
    #[error("missing export `{export}`, wanted with signature {}", one_of(.wanted))]
    Missing {
        /// The export's name.
        export: &'static str,
        /// Signatures that would do.
        wanted: Vec<FuncType>,
    },
    /// An export has a signature that the contract does not know.
    #[error("export `{export}` has signature {found}, wanted {}", one_of(.wanted))]
    WrongSignature {
        /// The export's name.
        export: String,
        /// What the module has.
        found: FuncType,
        /// Signatures that would do.
        wanted: Vec<FuncType>,
    },
    /// A hook of the four-argument generation.
    #[error(
        "export `{export}` has signature {found}: that is the older generation of hooks, which took context \
         and request as two buffers; wanted (i32, i32) -> i64, one JSON document with both"
    )]
    OlderGeneration {
        /// The export's name.
        export: String,
        /// What the module has.
        found: FuncType,
    },
    /// No linear memory is exported.
    #[error("missing export `memory`: data is exchanged through the module's linear memory")]
    NoMemory,
    /// No export belongs to either contract.
    #[error("not a plugin: found {}, wanted `get_name` and hooks such as `pre_hook`, or `execute`", names(.found))]
    NotAPlugin {
        /// The functions that it does export.
        found: Vec<String>,
    },
}

fn one_of(signatures: &[FuncType]) -> String {
    let texts: Vec<String> = signatures.iter().map(ToString::to_string).collect();
    texts.join(" or ")
}

fn names(found: &[String]) -> String {
    const SHOWN: usize = 12;
    if found.is_empty() {
        return "no exported function".to_owned();
    }
    let mut text = found
        .iter()
        .take(SHOWN)
        .map(|n| format!("`{}`", excerpt(n, 80)))
        .collect::<Vec<_>>()
        .join(", ");
    if found.len() > SHOWN {
        text.push_str(&format!(" and {} more", found.len() - SHOWN));
    }
    text
}

struct Table<'a> {
    exports: &'a [Export],
    problems: Vec<Problem>,
}

impl Table<'_> {
    fn index(&self, name: &str) -> Option<usize> {
        self.exports.iter().position(|export| export.name == name)
    }

    fn named(&self, names: &[&str]) -> Option<(ExportId, &Export)> {
        let index = names.iter().find_map(|name| self.index(name))?;
        Some((ExportId(index), self.exports.get(index)?))
    }

    fn missing(&mut self, export: &'static str, wanted: &[FuncType]) {
        self.problems.push(Problem::Missing { export, wanted: wanted.to_vec() });
    }

    /// The first of `names` that is exported, if its signature is one of `wanted`.
    fn find(&mut self, names: &[&str], wanted: &[FuncType]) -> Option<ExportId> {
        let (id, export) = self.named(names)?;
        if wanted.contains(&export.ty) {
            return Some(id);
        }
        let problem = Problem::WrongSignature {
            export: export.name.clone(),
            found: export.ty.clone(),
            wanted: wanted.to_vec(),
        };
        self.problems.push(problem);
        None
    }

    /// [`find`](Self::find) for an export that means something only `if` it applies.
    fn find_if(&mut self, applies: bool, name: &str, wanted: &[FuncType]) -> Option<ExportId> {
        if applies { self.find(&[name], wanted) } else { None }
    }

    fn hook(&mut self, hook: Hook) -> Option<ExportId> {
        let (_, export) = self.named(hook.names())?;
        if export.ty.params == [I32; 4] {
            let problem =
                Problem::OlderGeneration { export: export.name.clone(), found: export.ty.clone() };
            self.problems.push(problem);
            return None;
        }
        self.find(hook.names(), &[signature(&[I32; 2], &[I64])])
    }

    fn allocator(&mut self) -> Option<Allocator> {
        let alloc = self.find(ALLOC_NAMES, &[signature(&[I32], &[I32])])?;
        // What one allocator made must not be given to another's `free`: beside libc's
        // `malloc` and `free`, a `plugin_malloc` without `plugin_free` is never freed.
        let chosen = self.exports.get(alloc.0)?.name.as_str();
        let counterparts = || ALLOC_NAMES.iter().zip(FREE_NAMES);
        let own = counterparts().filter(|(alloc, _)| **alloc == chosen);
        let nobodys = counterparts().filter(|(alloc, _)| self.index(alloc).is_none());
        let names: Vec<&str> = own.chain(nobodys).map(|(_, free)| *free).collect();
        let sized = self.named(&names).is_some_and(|(_, e)| e.ty.params.len() == 2);
        let free = self
            .find(&names, &[signature(&[I32], &[]), signature(&[I32; 2], &[])])
            .map(|export| Free { export, sized });
        Some(Allocator { alloc, free })
    }

    fn init(&mut self, world: World) -> Option<(ExportId, InitKind)> {
        let mut kinds = Vec::new();
        if world != World::Action {
            kinds.push((signature(&[I32; 2], &[I32]), InitKind::Config));
        }
        if world != World::Hook {
            kinds.push((signature(&[], &[]), InitKind::Plain));
            kinds.push((signature(&[], &[I32]), InitKind::Status));
            kinds.push((signature(&[], &[I64]), InitKind::Metadata));
        }
        let wanted: Vec<FuncType> = kinds.iter().map(|(ty, _)| ty.clone()).collect();
        let id = self.find(&["init"], &wanted)?;
        let ty = &self.exports.get(id.0)?.ty;
        kinds.iter().find(|(wanted, _)| wanted == ty).map(|(_, kind)| (id, *kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export(name: &str, params: &[ValueType], results: &[ValueType]) -> Export {
        Export { name: name.to_owned(), ty: FuncType::new(params, results) }
    }

    fn minimal_hook() -> Vec<Export> {
        vec![
            export("malloc", &[I32], &[I32]),
            export("get_name", &[], &[I64]),
            export("pre_hook", &[I32, I32], &[I64]),
        ]
    }

    fn problems(exports: &[Export]) -> String {
        let problems = Interface::inspect(exports, true).unwrap_err();
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_hook_plugin_needs_little() {
        let interface = Interface::inspect(&minimal_hook(), true).unwrap();
        assert_eq!(interface.world, World::Hook);
        assert_eq!(interface.hooks().collect::<Vec<_>>(), [Hook::Pre]);
        assert_eq!(interface.hook(Hook::Pre), Some(ExportId(2)));
        assert_eq!(interface.allocator, Some(Allocator { alloc: ExportId(0), free: None }));
    }

    #[test]
    fn the_generation_is_an_export_of_hook_plugins() {
        let mut exports = minimal_hook();
        assert_eq!(Interface::inspect(&exports, true).unwrap().abi, None);
        exports.push(export("plugbay_abi", &[], &[I32]));
        assert_eq!(Interface::inspect(&exports, true).unwrap().abi, Some(ExportId(3)));
        exports[3] = export("plugbay_abi", &[], &[I64]);
        assert_eq!(
            problems(&exports),
            "export `plugbay_abi` has signature () -> i64, wanted () -> i32"
        );
        let action =
            [export("execute", &[I32, I32], &[I32]), export("plugbay_abi", &[I64], &[I64])];
        assert_eq!(Interface::inspect(&action, true).unwrap().abi, None);
    }

    #[test]
    fn a_generation_is_one_or_two() {
        for abi in [Abi::V1, Abi::V2] {
            assert_eq!(Abi::from_number(abi.number().into()), Ok(abi));
            assert_eq!(abi.to_string(), abi.number().to_string());
        }
        for found in [0, 3, -1, i32::MIN, i32::MAX] {
            let error = Abi::from_number(found).unwrap_err().to_string();
            assert_eq!(error, format!("`plugbay_abi` returned {found}, wanted 1 or 2"));
        }
    }

    #[test]
    fn free_is_told_by_its_type() {
        for (params, sized) in [(&[I32][..], false), (&[I32, I32][..], true)] {
            let mut exports = minimal_hook();
            exports.push(export("free", params, &[]));
            let free = Interface::inspect(&exports, true).unwrap().allocator.unwrap().free;
            assert_eq!(free, Some(Free { export: ExportId(3), sized }));
        }
    }

    #[test]
    fn the_prefixed_allocator_wins() {
        let mut exports = minimal_hook();
        exports.push(export("plugin_malloc", &[I32], &[I32]));
        let allocator = Interface::inspect(&exports, true).unwrap().allocator.unwrap();
        assert_eq!(allocator.alloc, ExportId(3));
    }

    #[test]
    fn the_older_name_is_the_same_hook() {
        let mut exports = minimal_hook();
        exports.push(export("http_intercept", &[I32, I32], &[I64]));
        let interface = Interface::inspect(&exports, true).unwrap();
        assert_eq!(interface.hook(Hook::HttpPre), Some(ExportId(3)));
    }

    #[test]
    fn the_older_generation_is_refused_by_name() {
        let exports = [
            export("malloc", &[I32], &[I32]),
            export("get_name", &[], &[I64]),
            export("pre_hook", &[I32; 4], &[I64]),
        ];
        let text = problems(&exports);
        assert!(text.contains("older generation") && text.contains("`pre_hook`"), "{text}");
        assert!(text.contains("(i32, i32, i32, i32) -> i64"), "{text}");
    }

    #[test]
    fn everything_wrong_is_listed_at_once() {
        let exports = [export("pre_hook", &[I32], &[I32]), export("cleanup", &[], &[])];
        assert_eq!(
            problems(&exports),
            "export `pre_hook` has signature (i32) -> i32, wanted (i32, i32) -> i64\n\
             missing export `get_name`, wanted with signature () -> i64\n\
             missing export `malloc`, wanted with signature (i32) -> i32\n\
             export `cleanup` has signature () -> (), wanted () -> i32"
        );
    }

    #[test]
    fn an_action_plugin_needs_no_allocator() {
        let exports = [export("execute", &[I32, I32], &[I32]), export("init", &[], &[])];
        let interface = Interface::inspect(&exports, true).unwrap();
        assert_eq!(interface.world, World::Action);
        assert_eq!(interface.allocator, None);
        assert_eq!(interface.init, Some((ExportId(1), InitKind::Plain)));
    }

    #[test]
    fn every_init_of_an_action_is_told_by_its_type() {
        for (results, kind) in [
            (&[][..], InitKind::Plain),
            (&[I32][..], InitKind::Status),
            (&[I64][..], InitKind::Metadata),
        ] {
            let exports = [export("execute", &[I32, I32], &[I32]), export("init", &[], results)];
            let interface = Interface::inspect(&exports, true).unwrap();
            assert_eq!(interface.init, Some((ExportId(1), kind)));
        }
    }

    #[test]
    fn one_module_may_serve_both() {
        let mut exports = minimal_hook();
        exports.push(export("execute", &[I32, I32], &[I32]));
        exports.push(export("init", &[I32, I32], &[I32]));
        let interface = Interface::inspect(&exports, true).unwrap();
        assert_eq!(interface.world, World::Both);
        assert_eq!(interface.init, Some((ExportId(4), InitKind::Config)));
    }

    #[test]
    fn a_name_means_something_only_to_its_own_contract() {
        let action = [
            export("execute", &[I32, I32], &[I32]),
            export("cleanup", &[], &[]),
            export("init", &[], &[]),
        ];
        let interface = Interface::inspect(&action, true).unwrap();
        assert_eq!((interface.world, interface.cleanup), (World::Action, None));

        let mut hook = minimal_hook();
        hook.push(export("shutdown", &[I32], &[I32]));
        hook.push(export("capabilities", &[I32], &[]));
        let interface = Interface::inspect(&hook, true).unwrap();
        assert_eq!((interface.world, interface.shutdown), (World::Hook, None));
        assert_eq!(interface.capabilities, None);

        assert!(problems(&[export("cleanup", &[], &[I32])]).contains("not a plugin"));
    }

    #[test]
    fn each_allocator_is_freed_by_its_own_counterpart() {
        for (allocs, frees, chosen) in [
            (&["malloc"][..], &["free"][..], Some("free")),
            (&["malloc"], &["plugin_free", "free"], Some("free")),
            (&["plugin_malloc", "malloc"], &["free", "plugin_free"], Some("plugin_free")),
            (&["plugin_malloc", "malloc"], &["free"], None),
            (&["plugin_malloc"], &["free"], Some("free")),
            (&["alloc"], &["free", "dealloc"], Some("dealloc")),
            (&["alloc"], &["free"], Some("free")),
            (&["malloc"], &["dealloc"], Some("dealloc")),
        ] {
            let mut exports =
                vec![export("get_name", &[], &[I64]), export("pre_hook", &[I32, I32], &[I64])];
            exports.extend(allocs.iter().map(|name| export(name, &[I32], &[I32])));
            exports.extend(frees.iter().map(|name| export(name, &[I32], &[])));
            let allocator = Interface::inspect(&exports, true).unwrap().allocator.unwrap();
            let freed_by = allocator.free.map(|free| exports[free.export.0].name.as_str());
            assert_eq!(freed_by, chosen, "{allocs:?} {frees:?}");
        }
    }

    #[test]
    fn a_free_that_returns_something_is_refused() {
        for (params, results) in [(&[I32][..], &[I32][..]), (&[I64], &[]), (&[], &[])] {
            let mut exports = minimal_hook();
            exports.push(export("free", params, results));
            let text = problems(&exports);
            assert!(text.starts_with("export `free` has signature"), "{text}");
            assert!(text.ends_with("wanted (i32) -> () or (i32, i32) -> ()"), "{text}");
        }
    }

    #[test]
    fn every_init_of_a_module_that_serves_both_is_told_by_its_type() {
        for (params, results, kind) in [
            (&[I32, I32][..], &[I32][..], InitKind::Config),
            (&[], &[], InitKind::Plain),
            (&[], &[I32], InitKind::Status),
            (&[], &[I64], InitKind::Metadata),
        ] {
            let mut exports = minimal_hook();
            exports.push(export("execute", &[I32, I32], &[I32]));
            exports.push(export("init", params, results));
            let interface = Interface::inspect(&exports, true).unwrap();
            assert_eq!(interface.init, Some((ExportId(4), kind)));
        }
        let mut exports = minimal_hook();
        exports.push(export("init", &[], &[I32]));
        assert!(problems(&exports).contains("`init` has signature () -> i32"));
    }

    #[test]
    fn hostile_names_are_shown_short_and_without_control_characters() {
        let exports: Vec<Export> = (0..40)
            .map(|n| export(&format!("\x1b[31m{n}{}", "x".repeat(5000)), &[], &[]))
            .collect();
        let text = problems(&exports);
        assert!(text.len() < 2000 && !text.contains('\x1b'), "{text}");
        assert!(text.contains("and 28 more"), "{text}");
    }

    #[test]
    fn initialize_goes_before_start() {
        let mut exports = minimal_hook();
        exports.push(export("_start", &[], &[]));
        let started = |exports: &[Export]| Interface::inspect(exports, true).unwrap().start;
        assert_eq!(started(&exports), Some(Start::Command(ExportId(3))));
        exports.push(export("_initialize", &[], &[]));
        assert_eq!(started(&exports), Some(Start::Reactor(ExportId(4))));
    }

    #[test]
    fn a_module_of_neither_world_says_what_it_has() {
        assert_eq!(
            problems(&[export("main", &[], &[])]),
            "not a plugin: found `main`, wanted `get_name` and hooks such as `pre_hook`, or `execute`"
        );
        assert!(problems(&[]).contains("no exported function"));
    }

    #[test]
    fn memory_is_required() {
        let problems = Interface::inspect(&minimal_hook(), false).unwrap_err();
        assert_eq!(problems, [Problem::NoMemory]);
    }

    #[test]
    fn a_strict_check_wants_all_ten() {
        assert_eq!(
            Interface::missing_of(World::Hook, &minimal_hook()),
            [
                "free",
                "init",
                "http_pre_hook",
                "http_post_hook",
                "http_stream_chunk_hook",
                "post_hook",
                "cleanup"
            ]
        );
        let action = [export("execute_with_context", &[I32; 4], &[I32])];
        assert_eq!(
            Interface::missing_of(World::Action, &action),
            ["init", "shutdown", "capabilities"]
        );
    }
}
