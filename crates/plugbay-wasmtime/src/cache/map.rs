//! The one place where code comes from outside: an entry that was verified, mapped and run.

#![allow(unsafe_code, reason = "only the caller of the engine can vouch for code on disk")]

use wasmtime::{Engine, Module};

use super::entry::Verified;
use super::error::Refused;

/// The module of an entry.
pub(super) fn module(engine: &Engine, entry: Verified) -> Result<Module, Refused> {
    let file = entry.into_file();
    // SAFETY: the bytes are what `Module::serialize` gave: a `Verified` comes only from
    // `Secret::verify`, which has read them through this very file and found their MAC right, under
    // a secret that nobody but this user can read. That they are for this engine is in the id that
    // the MAC covers, and the engine checks it again. They stay so while they are mapped: entries
    // are made without permission to write, replaced by renaming, and never written to. The file
    // belongs to this user and nobody else may write to it, so what remains is this user, or root,
    // changing it in place on purpose; they could as well change this program.
    #[cfg(unix)]
    let module = unsafe { Module::deserialize_open_file(engine, file) };
    // Elsewhere a mapped file could be neither replaced nor removed.
    #[cfg(not(unix))]
    let module = {
        use std::io::{Read as _, Seek as _};
        let mut file = file;
        let mut code = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut code)).map_err(Refused::Unreadable)?;
        // SAFETY: as above; the copy is then the process's own.
        unsafe { Module::deserialize(engine, &code) }
    };
    module.map_err(|error| Refused::Unloadable(format!("{error:#}")))
}
