//! Where a plugin's fuel goes, by function and by who called it.
//!
//! It is exact and the same each time: what lies between two things that are told is what the innermost function
//! used. Calls of the same functions by the same functions are added up, so that a profile is as large as what is
//! called by what, and not as what is called how often.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::symbols::{SourceLine, Symbols};

/// Places in the tree of calls, at most: what is called beyond that counts as its caller.
const MOST_NODES: usize = 200_000;

/// Where the fuel of calls went. One is given to a host by [`HostBuilder::profile`](crate::HostBuilder::profile), for
/// one plugin.
#[derive(Default)]
pub struct Profile(Mutex<Tree>);

/// Functions that called functions: a tree, whose root is the host.
struct Tree {
    nodes: Vec<Node>,
    children: HashMap<(u32, u32), u32>,
    /// Where the guest is. It is at the root between calls.
    stack: Vec<u32>,
}

struct Node {
    function: u32,
    fuel: u64,
    calls: u64,
    children: Vec<u32>,
}

const ROOT: u32 = 0;

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![Node::new(0)], children: HashMap::new(), stack: Vec::new() }
    }
}

impl Node {
    fn new(function: u32) -> Self {
        Self { function, fuel: 0, calls: 0, children: Vec::new() }
    }
}

impl Tree {
    fn top(&self) -> u32 {
        self.stack.last().copied().unwrap_or(ROOT)
    }

    fn node(&mut self, id: u32) -> Option<&mut Node> {
        self.nodes.get_mut(usize::try_from(id).ok()?)
    }

    /// The place of `function` below `parent`, or `parent` itself where there are too many.
    fn child(&mut self, parent: u32, function: u32) -> u32 {
        if let Some(child) = self.children.get(&(parent, function)) {
            return *child;
        }
        let Ok(child) = u32::try_from(self.nodes.len()) else { return parent };
        if self.nodes.len() >= MOST_NODES {
            return parent;
        }
        self.nodes.push(Node::new(function));
        self.children.insert((parent, function), child);
        if let Some(parent) = self.node(parent) {
            parent.children.push(child);
        }
        child
    }
}

/// What one function used, over all places that it was called from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfiledFunction {
    /// Its name.
    pub name: String,
    /// Fuel that it used itself.
    pub fuel: u64,
    /// How often it was called.
    pub calls: u64,
}

impl Profile {
    /// One of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets what was counted, such as that of loading.
    pub fn clear(&self) {
        *self.tree() = Tree::default();
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The innermost function used so much.
    pub(super) fn used(&self, fuel: u64) {
        let mut tree = self.tree();
        let top = tree.top();
        if let Some(node) = tree.node(top) {
            node.fuel = node.fuel.saturating_add(fuel);
        }
    }

    pub(super) fn enter(&self, function: u32) {
        let mut tree = self.tree();
        let top = tree.top();
        let child = tree.child(top, function);
        if let Some(node) = tree.node(child) {
            node.calls += 1;
        }
        tree.stack.push(child);
    }

    pub(super) fn exit(&self) {
        self.tree().stack.pop();
    }

    /// A call of the host's begins or has ended, well or not.
    pub(super) fn unwind(&self) {
        self.tree().stack.clear();
    }

    /// Fuel of all.
    pub fn total(&self) -> u64 {
        self.tree().nodes.iter().map(|node| node.fuel).sum()
    }

    /// What each function used, the most first.
    pub fn functions(&self, symbols: &Symbols) -> Vec<ProfiledFunction> {
        let tree = self.tree();
        let mut sums = HashMap::<u32, (u64, u64)>::new();
        for node in tree.nodes.iter().skip(1) {
            let sum = sums.entry(node.function).or_default();
            *sum = (sum.0 + node.fuel, sum.1 + node.calls);
        }
        drop(tree);
        let mut functions: Vec<_> = sums.into_iter().collect();
        functions.sort_by_key(|(function, (fuel, _))| (std::cmp::Reverse(*fuel), *function));
        let named = functions.into_iter().map(|(function, (fuel, calls))| ProfiledFunction {
            name: symbols.name(function),
            fuel,
            calls,
        });
        named.collect()
    }

    /// As a file of speedscope's (<https://www.speedscope.app/file-format-schema.json>), whose unit is fuel: one
    /// interval for each place in the tree of calls, in the order in which they were first come to.
    pub fn speedscope(&self, name: &str, symbols: &Symbols) -> Value {
        let tree = self.tree();
        let (mut frames, mut places) = (Vec::new(), HashMap::<u32, usize>::new());
        let mut events = Vec::new();
        let mut at = 0_u64;
        // Where it is, and which of its children is next.
        let mut path = vec![(ROOT, 0_usize)];
        while let Some((id, next)) = path.pop() {
            let Some(node) = usize::try_from(id).ok().and_then(|id| tree.nodes.get(id)) else {
                continue;
            };
            if next == 0 {
                if id != ROOT {
                    let frame = *places.entry(node.function).or_insert_with(|| {
                        frames.push(frame(symbols, node.function));
                        frames.len() - 1
                    });
                    events.push(json!({"type": "O", "frame": frame, "at": at}));
                }
                at = at.saturating_add(node.fuel);
            }
            match node.children.get(next) {
                Some(child) => path.extend([(id, next + 1), (*child, 0)]),
                None if id == ROOT => {}
                None => {
                    let frame = places.get(&node.function).copied().unwrap_or_default();
                    events.push(json!({"type": "C", "frame": frame, "at": at}));
                }
            }
        }
        json!({
            "$schema": "https://www.speedscope.app/file-format-schema.json",
            "exporter": concat!("plugbay ", env!("CARGO_PKG_VERSION")),
            "name": name,
            "activeProfileIndex": 0,
            "shared": { "frames": frames },
            "profiles": [{
                "type": "evented",
                "name": format!("{name} (fuel)"),
                "unit": "none",
                "startValue": 0,
                "endValue": at,
                "events": events,
            }],
        })
    }
}

fn frame(symbols: &Symbols, function: u32) -> Value {
    match symbols.first_line(function) {
        Some(SourceLine { file, line }) => {
            json!({"name": symbols.name(function), "file": file, "line": line})
        }
        None => json!({"name": symbols.name(function)}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_by_the_same_are_added_up() {
        let profile = Profile::new();
        for _ in 0..2 {
            profile.enter(7);
            profile.used(10);
            profile.enter(8);
            profile.used(5);
            profile.exit();
            profile.used(1);
            profile.unwind();
        }
        assert_eq!(profile.total(), 32);
        let symbols = Symbols::new(b"");
        let functions = profile.functions(&symbols);
        let told: Vec<_> = functions.iter().map(|f| (f.name.as_str(), f.fuel, f.calls)).collect();
        assert_eq!(told, [("function 7", 22, 2), ("function 8", 10, 2)]);
        let file = profile.speedscope("p", &symbols);
        let events = file["profiles"][0]["events"].as_array().unwrap();
        let told: Vec<_> =
            events.iter().map(|e| format!("{} {} {}", e["type"], e["frame"], e["at"])).collect();
        assert_eq!(told, ["\"O\" 0 0", "\"O\" 1 22", "\"C\" 1 32", "\"C\" 0 32"]);
        profile.clear();
        assert_eq!(profile.total(), 0);
    }

    #[test]
    fn a_tree_has_a_bound() {
        let profile = Profile::new();
        for function in 0..250_000 {
            profile.enter(function);
            profile.used(1);
        }
        assert_eq!(profile.total(), 250_000);
        assert_eq!(profile.tree().nodes.len(), MOST_NODES);
        for _ in 0..250_000 {
            profile.exit();
        }
        assert!(profile.tree().stack.is_empty());
    }
}
