//! What a performer does with conductor while it runs: another configuration, and the control socket.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;
use clap::Args;
use plugbay::PluginOutput;
use plugbay::runtime::Stream;
use plugbay_midi::config::{Config, ConfigError};
#[cfg(unix)]
use plugbay_midi::control::{Desk, Place, serve};
use plugbay_midi::run::{ActionHost, Control, Feed, ReloadError, Reloaded, Reloader};

use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::command::gateway::{Hangups, hangup_signal};
use crate::harden::Places;
use crate::ui::{DIM, StderrLines, WARN, errln, printable};

/// `--socket`, `--no-socket`, `--no-watch`.
#[derive(Debug, Args)]
pub(super) struct LiveOptions {
    /// Where `conductorctl` and `conductor monitor` reach this conductor [default: conductor.sock in plugbay below
    /// XDG_RUNTIME_DIR]
    #[arg(long, value_name = "PATH", conflicts_with = "no_socket")]
    socket: Option<PathBuf>,
    /// Let nobody reach it
    #[arg(long)]
    no_socket: bool,
    /// Do not read the configuration and plugins again when their files change; SIGHUP and `conductorctl reload` still do
    #[arg(long)]
    no_watch: bool,
}

/// The same once the socket is there.
pub(super) struct Live {
    watch: bool,
    #[cfg(unix)]
    place: Option<Place>,
}

impl LiveOptions {
    /// Takes the socket: while there is one thread.
    pub(super) fn begin(&self) -> Result<Live> {
        Ok(Live {
            watch: !self.no_watch,
            #[cfg(unix)]
            place: self.place()?,
        })
    }

    #[cfg(unix)]
    fn place(&self) -> Result<Option<Place>> {
        if self.no_socket {
            return Ok(None);
        }
        if let Some(path) = &self.socket {
            return Ok(Some(Place::take(path)?));
        }
        match Place::take_default() {
            Ok(place) => Ok(Some(place)),
            Err(error) => {
                errln!("{WARN}warning{WARN:#}: conductorctl cannot reach this conductor: {error}");
                Ok(None)
            }
        }
    }
}

impl Live {
    /// What all of it reads and writes.
    pub(super) fn places(&self, config: &Path, parsed: &Config, places: &mut Places) {
        places.reads(config);
        // A file that is put in the place of another is let in by its folder alone.
        if self.watch {
            places.rereads(config);
            for plugin in &parsed.plugins {
                places.rereads(&plugin.path);
            }
        }
        #[cfg(unix)]
        if let Some(place) = &self.place {
            places.keeps_file(place.path());
        }
    }

    /// Reads the configuration again when it should be and answers clients, beside a run: until what is returned is dropped.
    pub(super) fn attend(
        self,
        path: PathBuf,
        config: Arc<Config>,
        host: Arc<dyn ActionHost>,
        control: Control,
    ) -> Result<Beside> {
        let reloader = Arc::new(Reloader::new(path, host, control.clone()).telling(tell));
        let stop = Arc::new(Notify::new());
        let mut tasks = JoinSet::new();
        if self.watch {
            tasks.spawn(watch(Arc::clone(&reloader), config));
        }
        tasks.spawn(heed_hangups(hangup_signal()?, Arc::clone(&reloader), Arc::clone(&stop)));
        #[cfg(unix)]
        let place = match self.place {
            Some(mut place) => {
                let desk = Desk::new(control, reloader);
                let (listener, told) = (place.listener()?, desk.clone());
                tasks.spawn(serve(listener, desk));
                let stop = Arc::clone(&stop);
                tasks.spawn(async move {
                    told.stopped().await;
                    stop.notify_one();
                });
                Some(place)
            }
            None => None,
        };
        Ok(Beside {
            stop,
            _tasks: tasks,
            #[cfg(unix)]
            _place: place,
        })
    }
}

/// What goes on beside a run.
pub(super) struct Beside {
    stop: Arc<Notify>,
    _tasks: JoinSet<()>,
    #[cfg(unix)]
    _place: Option<Place>,
}

impl Beside {
    /// Ready when a client has told the run to stop, or its terminal has gone.
    pub(super) fn stopped(&self) -> impl Future<Output = ()> + use<> {
        let stop = Arc::clone(&self.stop);
        async move { stop.notified().await }
    }
}

async fn watch(reloader: Arc<Reloader>, config: Arc<Config>) {
    if let Err(error) = reloader.keep_up(&config).await {
        errln!("{WARN}warning{WARN:#}: {error}: changes need a reload by hand");
    }
}

/// SIGHUP is a wish for a reload, but where the terminal has gone that the program was started on.
async fn heed_hangups(mut hangups: Hangups, reloader: Arc<Reloader>, stop: Arc<Notify>) {
    let on_terminal = std::io::stderr().is_terminal();
    loop {
        hangups.next().await;
        if on_terminal && !std::io::stderr().is_terminal() {
            stop.notify_one();
            return;
        }
        // What comes of it is told.
        let _: std::result::Result<_, _> = reloader.reload().await;
    }
}

/// Says what came of reading the configuration again. The log has the same in one line, where it failed.
fn tell(result: &std::result::Result<Reloaded, ReloadError>) {
    match result {
        Ok(reloaded) => {
            if !reloaded.warnings.is_empty() {
                errln!("{}", reloaded.warnings.to_ansi());
            }
            let text = printable(&reloaded.to_string());
            errln!("{DIM}conductor: taken over: {text}{DIM:#}");
        }
        Err(ReloadError::Config(ConfigError::Invalid(report))) => {
            errln!("{}", report.to_ansi());
        }
        Err(_) => {}
    }
}

/// Lines that plugins print, on stderr and for whoever listens.
pub(super) struct Told(pub(super) Feed);

impl PluginOutput for Told {
    fn line(&self, plugin: &str, stream: Stream, line: &str) {
        StderrLines.line(plugin, stream, line);
        let name = match stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        };
        self.0.printed(plugin, name, line);
    }
}
