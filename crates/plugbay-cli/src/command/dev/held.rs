//! A module that was built and not tried yet: kept from whoever watches the one before.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result};

use crate::project::Project;
use crate::project::build::put;

/// The module that was there before a build.
pub(super) struct Before(Option<(Vec<u8>, SystemTime)>);

impl Before {
    pub(super) fn of(project: &Project) -> Self {
        let read = |module: PathBuf| {
            let changed = module.metadata().and_then(|found| found.modified()).ok()?;
            Some((std::fs::read(module).ok()?, changed))
        };
        Self(project.module().ok().and_then(read))
    }

    /// Puts it back in the place of what was built, which is somewhere else until it is let in. A gateway or conductor looks a
    /// moment after a change, and finds what it had.
    ///
    /// Where there was none, or the build changed nothing, all is as it is.
    pub(super) fn hold_back(self, module: &Path) -> Result<Option<HeldBack>> {
        let built =
            std::fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
        let Some((before, changed)) = self.0.filter(|(before, _)| *before != built) else {
            return Ok(None);
        };
        let folder = tempfile::tempdir().context("cannot make a temporary directory")?;
        // Plugins are called by their file's name.
        let tried = folder.path().join(module.file_name().unwrap_or_default());
        std::fs::write(&tried, &built)
            .with_context(|| format!("cannot write {}", tried.display()))?;
        put(module, &before)?;
        // As old as it was: `make` is to build again, whatever is changed next.
        std::fs::File::options()
            .write(true)
            .open(module)
            .and_then(|file| file.set_modified(changed))
            .with_context(|| format!("cannot write {}", module.display()))?;
        Ok(Some(HeldBack { module: module.to_owned(), built, tried, _folder: folder }))
    }
}

/// What was built.
pub(super) struct HeldBack {
    module: PathBuf,
    built: Vec<u8>,
    tried: PathBuf,
    _folder: tempfile::TempDir,
}

impl HeldBack {
    /// Where it is tried.
    pub(super) fn tried(&self) -> &Path {
        &self.tried
    }

    /// Puts it where it belongs.
    pub(super) fn let_in(&self) -> Result<()> {
        put(&self.module, &self.built)
    }
}
