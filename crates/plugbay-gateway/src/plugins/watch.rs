//! The files from which plugins come: looked at again when they change.

use std::sync::Arc;

use plugbay::FileWatch;

use super::Plugins;

/// Reloads plugins whenever a file changes that they come from. Dropped, it stops.
pub(crate) async fn watch(plugins: Arc<Plugins>) {
    let mut files = match FileWatch::new() {
        Ok(files) => files,
        Err(error) => {
            tracing::warn!("{error}: changes need a reload by hand");
            return;
        }
    };
    loop {
        files.look_at(&plugins.files());
        files.changed().await;
        // What went wrong is in the log, and in what operators see.
        let _: Result<(), _> = plugins.reload().await;
    }
}
