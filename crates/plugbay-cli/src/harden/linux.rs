//! Linux: landlock, then seccomp, each as far as the kernel has it.

mod calls;
mod files;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod list;
mod system;
#[cfg(test)]
mod tests;

use super::{Places, Report};

/// Gives up what `places` does not name.
pub(super) fn restrict(places: &Places) -> Report {
    let mut report = Report::default();
    make(places, &mut report);
    files::restrict(places, &mut report);
    calls::restrict(&mut report);
    report
}

/// Makes the directories that the program keeps things in, as it would later: landlock knows only what is there.
fn make(places: &Places, report: &mut Report) {
    for directory in &places.keeps {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        if let Err(error) = builder.create(directory) {
            let path = directory.display();
            report
                .notes
                .push(format!("cannot make {path}, so that nothing is kept there: {error}"));
        }
    }
}
