//! A gateway, from its configuration to its end.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use plugbay::runtime::SystemClock;
use plugbay::{Host, MetricSink, Plugin};
use plugbay_hooks::{HookPlugin, Pipeline, PluginEntry, PluginStatus};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::{HttpHooks, Shared};
use crate::budget::Budget;
use crate::config::{Config, MOCK, OPENAI, OpenAiConfig, PluginConfig, ServerTimeouts};
use crate::error::GatewayError;
use crate::listen;
use crate::observe::{
    AccessLog, AccessLogTarget, Counts, Measured, MetricsListener, Observer, Sources,
};
use crate::provider::{MockProvider, OpenAiProvider, Provider, Registry};
use crate::record::{RecordConfig, Recorder, Taped};
use crate::server::ShutdownReport;
use crate::workers::Workers;

/// Starts gateways.
#[derive(Debug, Clone, Copy)]
pub struct Gateway;

impl Gateway {
    /// A gateway from parts.
    pub fn builder() -> GatewayBuilder {
        GatewayBuilder::default()
    }

    /// Loads the plugins of a configuration into `host` and starts to serve.
    ///
    /// # Errors
    ///
    /// When a plugin cannot be loaded, a provider cannot be set up, or the address cannot be had.
    /// Plugins that were loaded before are ended.
    pub async fn start(config: Config, host: &Host) -> Result<Running, GatewayError> {
        // Providers first: they fail sooner than plugins load.
        let (providers, mock) = providers(&config)?;
        let recorder = config.record.as_ref().map(recorder).transpose()?;
        let plugins = load_all(&config.plugins, host).await?;
        let entries =
            plugins.into_iter().map(|(config, plugin)| entry(config, plugin, recorder.as_ref()));
        let entries = entries.collect();
        let pipeline = Pipeline::new(entries, Arc::new(SystemClock::new()));
        let mut builder = Self::builder()
            .listen(config.listen)
            .max_body_bytes(config.max_body_bytes)
            .max_collected_bytes(config.max_collected_bytes)
            .timeouts(config.timeouts.clone())
            .pipeline(pipeline)
            .default_provider(config.default_provider());
        builder.providers = providers;
        builder.threads = config.server.threads;
        builder.metrics = config.metrics.listen;
        builder.plugin_metrics = host.metrics();
        builder.access_log = config.access_log.clone();
        let mut running = builder.bind().await?;
        running.mock = mock;
        Ok(running)
    }
}

/// A gateway in the making.
#[derive(Default)]
pub struct GatewayBuilder {
    listen: Option<SocketAddr>,
    pipeline: Option<Pipeline>,
    providers: Vec<Arc<dyn Provider>>,
    default_provider: Option<String>,
    max_body_bytes: Option<usize>,
    max_collected_bytes: Option<usize>,
    metrics: Option<SocketAddr>,
    plugin_metrics: Option<Arc<dyn MetricSink>>,
    access_log: AccessLogTarget,
    timeouts: ServerTimeouts,
    threads: Option<NonZeroUsize>,
}

impl GatewayBuilder {
    /// Where it listens. Without an address, a free port of 127.0.0.1.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }

    /// Its plugins. Without a pipeline, none.
    #[must_use]
    pub fn pipeline(mut self, pipeline: Pipeline) -> Self {
        self.pipeline = Some(pipeline);
        self
    }

    /// One more provider.
    #[must_use]
    pub fn provider(mut self, provider: Arc<dyn Provider>) -> Self {
        self.providers.push(provider);
        self
    }

    /// Who answers models without a provider in their name. Without a name, the first provider.
    #[must_use]
    pub fn default_provider(mut self, name: impl Into<String>) -> Self {
        self.default_provider = Some(name.into());
        self
    }

    /// Longest request body that is collected, in bytes. Default 16 MiB.
    #[must_use]
    pub fn max_body_bytes(mut self, bytes: usize) -> Self {
        self.max_body_bytes = Some(bytes);
        self
    }

    /// Most bytes of answers that are collected for plugins at one time. Default 512 MiB.
    #[must_use]
    pub fn max_collected_bytes(mut self, bytes: usize) -> Self {
        self.max_collected_bytes = Some(bytes);
        self
    }

    /// How long clients may take.
    #[must_use]
    pub fn timeouts(mut self, timeouts: ServerTimeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Serves metrics for Prometheus at `/metrics` of this address. Without one, requests are not
    /// counted.
    #[must_use]
    pub fn metrics(mut self, address: SocketAddr) -> Self {
        self.metrics = Some(address);
        self
    }

    /// What plugins count themselves, to be among the metrics.
    #[must_use]
    pub fn plugin_metrics(mut self, sink: Arc<dyn MetricSink>) -> Self {
        self.plugin_metrics = Some(sink);
        self
    }

    /// Where a line for each request goes. Default: nowhere.
    #[must_use]
    pub fn access_log(mut self, target: AccessLogTarget) -> Self {
        self.access_log = target;
        self
    }

    /// Threads that serve. Default: as many as there are processors.
    #[must_use]
    pub fn threads(mut self, threads: NonZeroUsize) -> Self {
        self.threads = Some(threads);
        self
    }

    /// Starts to serve, on threads of its own. What ends the gateway in order runs on the tokio
    /// runtime that this is called in.
    ///
    /// # Errors
    ///
    /// When the default provider is not there, the address cannot be had, or threads cannot be
    /// started. The plugins are ended then.
    pub async fn bind(mut self) -> Result<Running, GatewayError> {
        let pipeline = self
            .pipeline
            .take()
            .unwrap_or_else(|| Pipeline::new(Vec::new(), Arc::new(SystemClock::new())));
        let pipeline = Arc::new(pipeline);
        let (observer, metrics) = match self.observed(&pipeline).await {
            Ok(observed) => observed,
            Err(error) => {
                pipeline.close().await;
                return Err(error);
            }
        };
        let shared = Arc::new(Shared {
            hooks: HttpHooks::of(&pipeline),
            pipeline,
            observer,
            max_body_bytes: self.max_body_bytes.unwrap_or(16 << 20),
            body_timeout: self.timeouts.body(),
            collected: Budget::new(self.max_collected_bytes.unwrap_or(512 << 20)),
            draining: AtomicBool::new(false),
        });
        let timeouts = self.timeouts.clone();
        match self.serving(&shared).await {
            Ok((workers, address)) => {
                let pipeline = Arc::clone(&shared.pipeline);
                let (stop, stopped) = watch::channel(false);
                let serving = tokio::spawn(workers.supervise(shared, timeouts, stopped));
                let serving = Serving::Task(serving);
                Ok(Running { address, pipeline, stop, serving, metrics, mock: None })
            }
            Err(error) => {
                shared.pipeline.close().await;
                Err(error)
            }
        }
    }

    /// Who sees requests end, and where that can be read.
    async fn observed(&mut self, pipeline: &Arc<Pipeline>) -> Result<Observed, GatewayError> {
        let failed = |source| GatewayError::AccessLog { source };
        let log = AccessLog::open(&self.access_log).map_err(failed)?;
        let counts = self.metrics.map(|_| Arc::new(Counts::default()));
        let metrics = match self.metrics.zip(counts.clone()) {
            Some((address, counts)) => {
                let pipeline = Arc::clone(pipeline);
                let plugins = Box::new(move || pipeline.status());
                let sources = Sources { counts, plugins, values: self.plugin_metrics.take() };
                let listener = MetricsListener::start(address, sources).await;
                Some(listener.map_err(|source| GatewayError::Listen { address, source })?)
            }
            None => None,
        };
        let observer = Observer::new(counts, log);
        if let Some(observer) = &observer {
            let measured = |provider| -> Arc<dyn Provider> {
                Arc::new(Measured::new(provider, Arc::clone(observer)))
            };
            self.providers =
                std::mem::take(&mut self.providers).into_iter().map(measured).collect();
        }
        Ok((observer, metrics))
    }

    async fn serving(self, shared: &Arc<Shared>) -> Result<(Workers, SocketAddr), GatewayError> {
        let threads = self
            .threads
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN);
        let (sockets, address, providers) =
            Self::listening(self.listen, threads, self.providers, self.default_provider)?;
        let workers = Workers::start(sockets, shared, &providers, &self.timeouts).await;
        let failed = |source| GatewayError::Threads { threads: threads.get(), source };
        Ok((workers.map_err(failed)?, address))
    }

    fn listening(
        address: Option<SocketAddr>,
        threads: NonZeroUsize,
        providers: Vec<Arc<dyn Provider>>,
        default: Option<String>,
    ) -> Result<(Vec<TcpListener>, SocketAddr, Registry), GatewayError> {
        let first = providers.first().map(|provider| provider.name().to_owned());
        let name = default.or(first).unwrap_or_default();
        let registry =
            Registry::new(providers, name.clone()).ok_or(GatewayError::NoDefault { name })?;
        let address = address.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let (sockets, bound) = listen::sockets(address, threads)
            .map_err(|source| GatewayError::Listen { address, source })?;
        Ok((sockets, bound, registry))
    }
}

type Observed = (Option<Arc<Observer>>, Option<MetricsListener>);

/// The server's task, or what it left.
enum Serving {
    Task(JoinHandle<ShutdownReport>),
    Ended(ShutdownReport),
}

/// A gateway that serves. Dropped, it stops as by [`shutdown`](Self::shutdown), unattended.
pub struct Running {
    address: SocketAddr,
    pipeline: Arc<Pipeline>,
    stop: watch::Sender<bool>,
    serving: Serving,
    metrics: Option<MetricsListener>,
    mock: Option<Arc<MockProvider>>,
}

impl Running {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where metrics are read, if they are.
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(MetricsListener::address)
    }

    /// How its plugins are doing, in the order of the pre hooks.
    pub fn plugins(&self) -> Vec<PluginStatus> {
        self.pipeline.status()
    }

    /// The built-in provider, where the configuration has it.
    pub fn mock(&self) -> Option<&MockProvider> {
        self.mock.as_deref()
    }

    /// Waits until it no longer serves. It serves until it is told to stop, so this is for the other
    /// branches of a `select!`; it may be called again.
    pub async fn wait(&mut self) -> ShutdownReport {
        let report = match &mut self.serving {
            // A panic in it was reported when it happened.
            Serving::Task(task) => task.await.unwrap_or_default(),
            Serving::Ended(report) => report.clone(),
        };
        self.serving = Serving::Ended(report.clone());
        report
    }

    /// Takes no more connections, lets the requests under way end within the drain time, cuts off
    /// the rest, and ends the plugins.
    pub async fn shutdown(mut self) -> ShutdownReport {
        self.stop.send_replace(true);
        self.wait().await
    }
}

type Providers = (Vec<Arc<dyn Provider>>, Option<Arc<MockProvider>>);

fn providers(config: &Config) -> Result<Providers, GatewayError> {
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    if let Some(openai) = &config.providers.openai {
        providers.push(Arc::new(openai_provider(openai)?));
    }
    let wants_mock = config.provider_names().contains(&MOCK);
    let mock = wants_mock.then(|| Arc::new(MockProvider::new()));
    if let Some(mock) = &mock {
        providers.push(mock.clone());
    }
    Ok((providers, mock))
}

fn openai_provider(config: &OpenAiConfig) -> Result<OpenAiProvider, GatewayError> {
    let provider = || OPENAI.to_owned();
    let key = match &config.api_key_env {
        Some(variable) => {
            let key = std::env::var(variable).ok().filter(|key| !key.is_empty());
            let missing =
                || GatewayError::NoKey { provider: provider(), variable: variable.clone() };
            Some(key.ok_or_else(missing)?)
        }
        None => None,
    };
    OpenAiProvider::new(OPENAI, &config.base_url, key.as_deref(), config.timeouts.clone())
        .map_err(|source| GatewayError::Provider { provider: provider(), source })
}

async fn load_all<'a>(
    configs: &'a [PluginConfig],
    host: &Host,
) -> Result<Vec<(&'a PluginConfig, Plugin)>, GatewayError> {
    let mut loaded: Vec<(&PluginConfig, Plugin)> = Vec::new();
    let mut names = HashSet::new();
    for config in configs.iter().filter(|config| config.enabled) {
        let error = match host.load_file(&config.path, config.options()).await {
            Ok(plugin) => {
                let name = plugin.name().to_owned();
                let hooks: Vec<&str> =
                    plugin.interface().hooks().map(plugbay::abi::interface::Hook::export).collect();
                tracing::info!(plugin = %name, ?hooks, "loaded");
                let is_hook_plugin = plugin.interface().is_hook_plugin();
                loaded.push((config, plugin));
                if !is_hook_plugin {
                    GatewayError::NoHookPlugin { name }
                } else if names.insert(name.clone()) {
                    continue;
                } else {
                    GatewayError::SameName { name }
                }
            }
            Err(error) => error.into(),
        };
        for (_, plugin) in loaded.iter().rev() {
            if let Err(error) = plugin.shutdown().await {
                tracing::warn!(plugin = plugin.name(), %error, "cleanup failed");
            }
        }
        return Err(error);
    }
    Ok(loaded)
}

fn recorder(config: &RecordConfig) -> Result<Arc<Recorder>, GatewayError> {
    let directory = config.directory.clone();
    let failed = |source| GatewayError::Record { directory, source };
    Recorder::start(config).map(Arc::new).map_err(failed)
}

fn entry(config: &PluginConfig, plugin: Plugin, recorder: Option<&Arc<Recorder>>) -> PluginEntry {
    let plugin: Arc<dyn HookPlugin> = match recorder {
        Some(recorder) => Arc::new(Taped::new(plugin, Arc::clone(recorder))),
        None => Arc::new(plugin),
    };
    PluginEntry {
        placement: config.placement,
        order: config.order,
        on_error: config.on_error,
        breaker: config.breaker,
        matching: config.matching.clone(),
        opt_out: config.opt_out,
        see_credentials: config.see_credentials,
        ..PluginEntry::new(plugin)
    }
}
