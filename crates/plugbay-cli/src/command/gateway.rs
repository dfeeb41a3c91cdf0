//! `plugbay gateway`: serve until told to stop.

mod dry;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Args;
use plugbay::{HostBuilder, Metrics};
use plugbay_gateway::{
    AccessLogTarget, Config, Gateway as Server, GatewayOptions, PluginLogs, PluginReport,
    PluginState, RecordConfig, ShutdownReport,
};

use dry::Dry;

use crate::exit::Outcome;
use crate::harden::HardenOption;
use crate::logging::{self, LogFormat};
use crate::options::BackendOptions;
use crate::policy::{AuditSettings, PolicyOptions};
use crate::services::{ProgramDesktop, ServiceOptions};
use crate::ui::{self, DIM, StderrLines, TITLE, WARN, errln, outln};

/// Serve an OpenAI-compatible API whose requests, responses and stream chunks pass through plugins.
///
/// Without providers in the configuration, the built-in `mock` answers: its model `mock/echo` repeats
/// the last user message. SIGTERM and Ctrl-C let the requests under way end, then call each
/// plugin's cleanup.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay gateway --config config.json\n  curl localhost:8080/v1/chat/completions -H 'content-type: application/json' \\\n    -d '{\"model\":\"mock/echo\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}'\n\nSIGHUP reads the configuration again and takes over what it says of plugins, and so does a change of its file. RUST_LOG=debug shows more. Exit codes: 0 stopped as told; 1 a cleanup failed or requests were cut off; 2 wrong usage or configuration."
)]
pub(crate) struct Gateway {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = "config.json")]
    config: PathBuf,
    /// Listen here, whatever the configuration says; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Serve on this many threads, whatever the configuration says; without either, one a processor
    #[arg(long, value_name = "NUMBER")]
    threads: Option<NonZeroUsize>,
    /// Keep calls of hooks in this folder, keys masked, for `plugbay call --replay`; how many, the
    /// configuration's `record` says
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
    /// How log lines on stderr look
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    #[command(flatten)]
    dry: Dry,
    #[command(flatten)]
    backend: BackendOptions,
    #[command(flatten)]
    policy: PolicyOptions,
    #[command(flatten)]
    services: ServiceOptions,
    #[command(flatten)]
    harden: HardenOption,
}

impl Gateway {
    pub(crate) fn run(mut self) -> Result<Outcome> {
        if self.dry.print_schema {
            outln!("{:#}", Config::schema());
            return Ok(Outcome::Success);
        }
        let level = if self.dry.check.is_some() { "warn" } else { "info" };
        logging::start_as(self.log_format, level);
        if let Some(Some(file)) = self.dry.check.take_if(|check| check.is_some()) {
            self.config = file;
            self.dry.check = Some(None);
        }
        let mut config = match Config::load(&self.config) {
            Err(error) if self.dry.check.is_some() => return self.dry.refused(&error),
            loaded => loaded?,
        };
        if let Some(listen) = self.listen {
            config.listen = listen;
        }
        if self.threads.is_some() {
            config.server.threads = self.threads;
        }
        if let Some(folder) = &self.record {
            let record = config.record.get_or_insert_with(|| RecordConfig::new(folder));
            record.directory.clone_from(folder);
        }
        let audit =
            AuditSettings { file: config.audit.file.as_deref(), max_bytes: config.audit.max_bytes };
        self.harden.apply(|| {
            let mut places = self.backend.places_of_many();
            self.policy.places(&mut places, &audit);
            self.services.places(&mut places);
            // A file that is put in the place of another is let in by its folder alone.
            if config.reload.watch {
                places.rereads(&self.config);
            }
            places.reads(&self.config);
            for plugin in &config.plugins {
                if let Some(file) = plugin.file() {
                    if config.reload.watch {
                        places.rereads(file);
                    }
                    places.plugin(file);
                }
                places.granted(&plugin.capabilities);
            }
            places.listens(config.listen.port());
            if let Some(admin) = &config.admin {
                places.listens(admin.listen.port());
                admin.token_file.iter().for_each(|token| places.reads(token));
            }
            if let Some(metrics) = config.metrics.listen {
                places.listens(metrics.port());
            }
            let otlp = config.telemetry.otlp.iter();
            otlp.filter_map(|otlp| otlp.ca_file.as_ref()).for_each(|file| places.reads(file));
            if let AccessLogTarget::File(file) = &config.access_log {
                places.writes(file);
            }
            if let Some(record) = &config.record {
                places.keeps(&record.directory);
            }
            places
        })?;
        let desktop = Arc::new(ProgramDesktop::default());
        let lent = |host| self.services.lent(host, self.services.midi(), desktop);
        let counted = |host: HostBuilder| match config.metrics.listen {
            Some(_) => host.metrics(Arc::new(Metrics::default())),
            None => host,
        };
        let heeded = |host| counted(lent(self.policy.heeded(host, &audit)));
        let mut options = GatewayOptions::default();
        options.logs = Arc::new(PluginLogs::before(Arc::new(StderrLines)));
        // Below what `--harden` lets it write to.
        options.modules = self.backend.modules();
        let host = self.backend.host_of_many(Arc::clone(&options.logs) as _, heeded)?;
        // One thread for a module that takes long to compile, and one that sees a signal meanwhile; the
        // gateway serves on threads of its own.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .context("cannot start the async runtime")?;
        if self.dry.check.is_some() {
            return self.dry.report(&runtime.block_on(Server::check(&config, &host, &options)));
        }
        runtime.block_on(async {
            let stop = stop_signal()?;
            let mut hangup = hangup_signal()?;
            // Compiling a module keeps its thread busy until it is done, whatever the limits are, so it is
            // another thread than the one that is told to stop.
            let backend = host.backend_name();
            let starting = tokio::spawn(async move { Server::start_with(config, &host, options).await });
            let mut stop = std::pin::pin!(stop);
            let running = tokio::select! {
                started = starting => started.context("starting the gateway failed")??,
                () = &mut stop => {
                    errln!("{WARN}stopped before it served{WARN:#}");
                    std::process::exit(1);
                }
            };
            let named = |plugin: PluginReport| match plugin.status {
                PluginState::Error => format!("{} (not loaded)", plugin.name),
                PluginState::Disabled => format!("{} (disabled)", plugin.name),
                _ => plugin.name,
            };
            let names: Vec<String> = running.report().into_iter().map(named).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            // Scripts wait for this line; it is the only one on stdout.
            outln!("{TITLE}listening on http://{}{TITLE:#}", running.local_addr());
            if let Some(metrics) = running.metrics_addr() {
                errln!("{DIM}metrics at http://{metrics}/metrics{DIM:#}");
            }
            if let Some(admin) = running.admin_addr() {
                errln!("{DIM}admin API at http://{admin}/admin/plugins{DIM:#}");
            }
            errln!("{DIM}plugins: {}; engine: {backend}{DIM:#}", ui::printable(&names));
            loop {
                tokio::select! {
                    () = &mut stop => break,
                    // What comes of it is in the log.
                    () = hangup.next() => drop(running.reload().await),
                }
            }
            errln!(
                "{DIM}stopping: waiting for the requests under way; once more to stop at once{DIM:#}"
            );
            let at_once = stop_signal()?;
            tokio::select! {
                ended = running.shutdown() => Ok(report(&ended)),
                () = at_once => std::process::exit(1),
            }
        })
    }
}

fn report(report: &ShutdownReport) -> Outcome {
    if report.cut_off > 0 {
        errln!(
            "{WARN}warning{WARN:#}: {} requests did not end in time and were cut off",
            report.cut_off
        );
    }
    for (plugin, failure) in &report.failed_cleanups {
        errln!("{WARN}warning{WARN:#}: cleanup of `{plugin}` failed: {failure}");
    }
    if report.cut_off == 0 && report.failed_cleanups.is_empty() {
        Outcome::Success
    } else {
        Outcome::Failure
    }
}

/// SIGHUP, where there is one.
pub(super) struct Hangups {
    #[cfg(unix)]
    signals: tokio::signal::unix::Signal,
}

impl Hangups {
    pub(super) async fn next(&mut self) {
        #[cfg(unix)]
        if self.signals.recv().await.is_some() {
            return;
        }
        std::future::pending().await
    }
}

/// SIGHUP is caught from now on.
pub(super) fn hangup_signal() -> Result<Hangups> {
    Ok(Hangups {
        #[cfg(unix)]
        signals: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())
            .context("cannot catch SIGHUP")?,
    })
}

/// Ready when the process is told to stop: SIGTERM, or Ctrl-C. The signals are caught from
/// now on, not only from when the future is first looked at.
pub(super) fn stop_signal() -> Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).context("cannot catch SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot catch SIGINT")?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    {
        Ok(async {
            if tokio::signal::ctrl_c().await.is_err() {
                // Nobody can ask; the process ends by being killed.
                std::future::pending::<()>().await;
            }
        })
    }
}
