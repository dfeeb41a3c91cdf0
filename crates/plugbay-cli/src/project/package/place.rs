//! A package where plugins are loaded from: all of it, or nothing of it.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::{Package, SUMS, sums};

/// Puts the module and its signature into a folder, and all else into a folder of the plugin's name in it, with the sums of
/// what is there. Returns the module.
///
/// What is there of the same plugin is replaced if `replaces`, and is there again if anything fails. A folder that
/// holds what no installation put there is left alone.
pub(crate) fn place(package: &Package, into: &Path, replaces: bool) -> Result<PathBuf> {
    let shown = into.display();
    let module = package.module_name();
    // Where the signature is a new one and the module is not yet, it is of another module, and nothing is loaded.
    let names = [package.signature_name(), module.clone(), package.name.clone()];
    let is_there = |name: &&String| into.join(name).symlink_metadata().is_ok();
    if let Some(name) = names.iter().find(is_there)
        && !replaces
    {
        bail!(
            "{} is there already; --replace puts this one in its place",
            into.join(name).display()
        );
    }
    own(&into.join(&package.name))?;
    for name in names.iter().take(2) {
        if into.join(name).is_dir() {
            bail!("{} is a folder, wanted a file or nothing", into.join(name).display());
        }
    }
    fs::create_dir_all(into).with_context(|| format!("cannot make {shown}"))?;
    let beside = tempfile::Builder::new()
        .prefix(".plugbay-install-")
        .tempdir_in(into)
        .with_context(|| format!("cannot write into {shown}"))?;
    let (new, old) = (beside.path().join("new"), beside.path().join("old"));
    let unpacked = || -> io::Result<()> {
        fs::create_dir_all(&old)?;
        fs::create_dir_all(new.join(&package.name))?;
        let beside = package.files.iter().filter(|(path, _)| !package.is_loaded(path));
        fs::write(new.join(&package.name).join(SUMS), sums(beside))?;
        for (path, bytes) in &package.files {
            let folder = match package.is_loaded(path) {
                true => new.clone(),
                false => new.join(&package.name),
            };
            let path = path.split('/').fold(folder, |at, part| at.join(part));
            fs::create_dir_all(path.parent().unwrap_or(&new))?;
            fs::write(path, bytes)?;
        }
        Ok(())
    };
    unpacked().with_context(|| format!("cannot write into {shown}"))?;
    let mut moved = Vec::new();
    let swapped = names.iter().try_for_each(|name| swap(name, into, &new, &old, &mut moved));
    if let Err(error) = swapped {
        let back = moved.iter().rev().try_for_each(|(from, to)| fs::rename(to, from));
        let error = anyhow::Error::new(error);
        return Err(match back {
            Ok(()) => error.context(format!("cannot write into {shown}; all is as it was")),
            Err(back) => {
                // What was there is kept rather than thrown away with the rest.
                let kept = beside.keep();
                error.context(format!(
                    "cannot write into {shown}, and what was there cannot be put back ({back}): it is in {}",
                    kept.join("old").display()
                ))
            }
        });
    }
    Ok(into.join(module))
}

/// Refuses a folder in which anything is not as an installation left it: it may be somebody's work.
fn own(folder: &Path) -> Result<()> {
    let shown = folder.display();
    match folder.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot look at {shown}")),
        Ok(found) if found.is_dir() => {}
        Ok(_) => bail!("{shown} is there and is no folder; move it away"),
    }
    let listed = fs::read_to_string(folder.join(SUMS)).unwrap_or_default();
    let lines = listed.lines().filter_map(|line| line.split_once("  "));
    let sums: HashMap<PathBuf, &str> = lines.map(|(sum, path)| (folder.join(path), sum)).collect();
    let mut next = vec![folder.to_owned()];
    while let Some(at) = next.pop() {
        for entry in fs::read_dir(&at).with_context(|| format!("cannot read {}", at.display()))? {
            let entry = entry.with_context(|| format!("cannot read {}", at.display()))?;
            let (path, kind) = (entry.path(), entry.file_type());
            let kind = kind.with_context(|| format!("cannot look at {}", path.display()))?;
            if kind.is_dir() {
                next.push(path);
                continue;
            }
            let is_the_list = path == folder.join(SUMS) && kind.is_file();
            let is_listed = sums.get(&path).is_some_and(|sum| {
                let bytes = kind.is_file().then(|| fs::read(&path).ok()).flatten();
                bytes.is_some_and(|bytes| plugbay::module_hash(&bytes).to_string() == **sum)
            });
            if !is_the_list && !is_listed {
                bail!(
                    "{} is not as `plugbay install` left it, and would be lost; move it or {shown} away",
                    path.display()
                );
            }
        }
    }
    Ok(())
}

/// Moves one thing out of the way and another one to its place, and notes both.
fn swap(
    name: &str,
    into: &Path,
    new: &Path,
    old: &Path,
    moved: &mut Vec<(PathBuf, PathBuf)>,
) -> io::Result<()> {
    for (from, to) in [(into, old), (new, into)] {
        let (from, to) = (from.join(name), to.join(name));
        match from.symlink_metadata() {
            Ok(_) => {
                fs::rename(&from, &to)?;
                moved.push((from, to));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn package(text: &str, is_signed: bool) -> Package {
        let mut files = BTreeMap::new();
        for path in ["README.md", "examples/config.toml", "lamp.wasm"] {
            files.insert(path.to_owned(), format!("{text} {path}").into_bytes());
        }
        if is_signed {
            files.insert("lamp.wasm.sig".to_owned(), text.as_bytes().to_vec());
        }
        Package::new("lamp".to_owned(), files).unwrap()
    }

    fn all(folder: &Path) -> BTreeMap<String, String> {
        let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
        while let Some(next) = folders.pop() {
            for entry in fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, fs::read_to_string(path).unwrap());
            }
        }
        found
    }

    #[test]
    fn one_takes_the_place_of_another_as_a_whole() {
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join("plugins");
        place(&package("1", true), &into, false).unwrap();
        let first = all(&into);
        let names: Vec<&str> = first.keys().map(String::as_str).collect();
        let wanted = [
            "lamp.wasm",
            "lamp.wasm.sig",
            "lamp/README.md",
            "lamp/SHA256SUMS",
            "lamp/examples/config.toml",
        ];
        assert_eq!(names, wanted);

        let error = place(&package("2", false), &into, false).unwrap_err().to_string();
        assert!(error.contains("is there already; --replace"), "{error}");
        assert_eq!(all(&into), first);

        // The signature of the old one goes with it.
        let module = place(&package("2", false), &into, true).unwrap();
        assert_eq!(fs::read_to_string(module).unwrap(), "2 lamp.wasm");
        assert!(!into.join("lamp.wasm.sig").exists());
        assert_eq!(all(&into).len(), 4);
    }

    #[test]
    fn what_no_installation_put_there_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join("plugins");
        let refused = |wanted: &str| {
            let before = all(&into);
            let error = place(&package("2", true), &into, true).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
            assert_eq!(all(&into), before);
        };
        fs::create_dir_all(into.join("lamp")).unwrap();
        fs::write(into.join("lamp/mine.txt"), "mine").unwrap();
        refused("mine.txt is not as `plugbay install` left it");
        fs::remove_dir_all(into.join("lamp")).unwrap();
        place(&package("1", true), &into, false).unwrap();
        fs::write(into.join("lamp/examples/config.toml"), "changed").unwrap();
        refused("config.toml is not as `plugbay install` left it");
        fs::remove_file(into.join("lamp/examples/config.toml")).unwrap();
        fs::remove_file(into.join("lamp.wasm")).unwrap();
        fs::create_dir_all(into.join("lamp.wasm/more")).unwrap();
        refused("lamp.wasm is a folder");
        fs::remove_dir_all(into.join("lamp.wasm")).unwrap();
        // What is gone is nobody's loss.
        place(&package("2", true), &into, true).unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn a_swap_that_fails_is_undone() {
        let folder = tempfile::tempdir().unwrap();
        let (into, new, old) =
            (folder.path().join("into"), folder.path().join("new"), folder.path().join("old"));
        for at in [&into, &new, &old] {
            fs::create_dir(at).unwrap();
        }
        fs::write(into.join("lamp.wasm"), "1").unwrap();
        fs::write(new.join("lamp.wasm"), "2").unwrap();
        let mut moved = Vec::new();
        swap("lamp.wasm", &into, &new, &old, &mut moved).unwrap();
        // A file has nothing below it, and so nothing can be moved there.
        fs::write(into.join("x"), "1").unwrap();
        fs::remove_dir(&old).unwrap_err();
        let error = swap("x", &into, &new, &into.join("lamp.wasm"), &mut moved).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotADirectory);
        moved.iter().rev().try_for_each(|(from, to)| fs::rename(to, from)).unwrap();
        assert_eq!(fs::read_to_string(into.join("lamp.wasm")).unwrap(), "1");
        assert_eq!(fs::read_to_string(new.join("lamp.wasm")).unwrap(), "2");
    }
}
