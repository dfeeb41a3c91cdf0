//! A gateway, from its configuration to its end.

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use plugbay::runtime::SystemClock;
use plugbay::{Host, MetricSink};
use plugbay_hooks::{Live, Pipeline, PluginStatus};
use tokio::sync::watch as channel;
use tokio::task::{JoinHandle, JoinSet};

use crate::admin::{self, Admin};
use crate::api::Shared;
use crate::budget::Budget;
use crate::config::{Config, OtlpConfig, ServerTimeouts, TelemetryConfig};
use crate::error::{GatewayError, ReloadError};
use crate::listen;
use crate::observe::{
    AccessLog, AccessLogTarget, Counts, Measured, MetricsListener, Observer, Sources, Spans,
};
use crate::plugins::{self, CheckReport, GatewayOptions, PluginReport, Plugins, watch};
use crate::provider::{self, MockProvider, Provider, Registry};
use crate::server::ShutdownReport;
use crate::telemetry::{self, Sending, Telemetry};
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
    /// A plugin that cannot be loaded is not there, and its requests are treated as its `on_error` says.
    ///
    /// # Errors
    ///
    /// When a plugin that is required cannot be loaded, a provider cannot be set up, or an address cannot be had.
    /// Plugins that were loaded before are ended.
    pub async fn start(config: Config, host: &Host) -> Result<Running, GatewayError> {
        Self::start_with(config, host, GatewayOptions::default()).await
    }

    /// The same, with more.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_with(
        config: Config,
        host: &Host,
        options: GatewayOptions,
    ) -> Result<Running, GatewayError> {
        // Providers first: they fail sooner than plugins load.
        let (providers, mock) = provider::providers(&config.providers)?;
        let telemetry = telemetry::by_environment(&config.telemetry)?;
        let admin = config.admin.as_ref().map(Admin::bind).transpose()?;
        let clock = Arc::new(SystemClock::new());
        let plugins = Plugins::start(&config, host, clock, options).await?;
        let mut builder = Self::builder()
            .listen(config.listen)
            .max_body_bytes(config.max_body_bytes)
            .max_collected_bytes(config.max_collected_bytes)
            .timeouts(config.timeouts.clone())
            .default_provider(config.default_provider());
        builder.providers = providers;
        builder.fallbacks = config.providers.fallbacks();
        builder.forgiving = config.providers.forgiving();
        builder.threads = config.server.threads;
        builder.plugins = Some(Arc::clone(&plugins));
        builder.metrics = config.metrics.listen;
        builder.plugin_metrics = host.metrics();
        builder.access_log = config.access_log.clone();
        builder.telemetry = telemetry;
        let mut running = builder.bind().await?;
        running.mock = mock;
        if config.reload.watch && config.origin.file.is_some() {
            running.beside.spawn(watch(Arc::clone(&plugins)));
        }
        if let Some(admin) = admin {
            running.admin = Some(admin.address());
            running.beside.spawn(admin.serve(plugins));
        }
        Ok(running)
    }

    /// Tries whether a gateway could be started, without serving: each plugin is loaded and ended, each provider set
    /// up. Says what was found, in order.
    pub async fn check(config: &Config, host: &Host, options: &GatewayOptions) -> CheckReport {
        let providers = provider::providers(&config.providers).map(|_| ());
        let admin = config.admin.as_ref().map(admin::token).transpose().map(|_| ());
        let telemetry = telemetry::by_environment(&config.telemetry)
            .and_then(|settings| settings.as_ref().map_or(Ok(()), telemetry::check));
        // What is written for both is what a start would make, too.
        let log = AccessLog::open(&config.access_log).map(drop).map_err(|source| {
            GatewayError::AccessLog { target: config.access_log.clone(), source }
        });
        let recorder = config.record.as_ref().map(plugins::recorder).transpose().map(|_| ());
        plugins::check(config, host, options, [providers, admin, telemetry, log, recorder]).await
    }
}

/// A gateway in the making.
#[derive(Default)]
pub struct GatewayBuilder {
    listen: Option<SocketAddr>,
    pipeline: Option<Pipeline>,
    providers: Vec<Arc<dyn Provider>>,
    default_provider: Option<String>,
    fallbacks: HashMap<String, Vec<String>>,
    forgiving: HashSet<String>,
    max_body_bytes: Option<usize>,
    max_collected_bytes: Option<usize>,
    metrics: Option<SocketAddr>,
    plugin_metrics: Option<Arc<dyn MetricSink>>,
    access_log: AccessLogTarget,
    telemetry: Option<telemetry::Settings>,
    timeouts: ServerTimeouts,
    threads: Option<NonZeroUsize>,
    plugins: Option<Arc<Plugins>>,
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

    /// Who is asked where a provider fails: `provider/model`, or a provider for the same model.
    #[must_use]
    pub fn fallbacks(mut self, provider: impl Into<String>, fallbacks: Vec<String>) -> Self {
        self.fallbacks.insert(provider.into(), fallbacks);
        self
    }

    /// Asks fallbacks for models that a provider is known not to have, too, rather than answer with 404.
    #[must_use]
    pub fn fallbacks_for_unknown_models(mut self, provider: impl Into<String>) -> Self {
        self.forgiving.insert(provider.into());
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

    /// Sends spans to a collector. Default: to none. What the environment says is not asked here.
    ///
    /// # Errors
    ///
    /// When it cannot be told from this where and what to send.
    pub fn telemetry(mut self, otlp: OtlpConfig) -> Result<Self, GatewayError> {
        let config = TelemetryConfig { otlp: Some(otlp) };
        self.telemetry = telemetry::by_itself(&config)?;
        Ok(self)
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
        let plugins = self.plugins.take();
        let pipeline = match &plugins {
            Some(plugins) => Arc::clone(plugins.live()),
            None => {
                let none = || Pipeline::new(Vec::new(), Arc::new(SystemClock::new()));
                Arc::new(Live::new(self.pipeline.take().unwrap_or_else(none)))
            }
        };
        let (observer, metrics, sending) = match self.observed(&pipeline).await {
            Ok(observed) => observed,
            Err(error) => {
                match &plugins {
                    Some(plugins) => drop(plugins.close().await),
                    None => drop(pipeline.now().close().await),
                }
                return Err(error);
            }
        };
        let shared = Arc::new(Shared {
            pipeline,
            plugins,
            observer,
            max_body_bytes: self.max_body_bytes.unwrap_or(16 << 20),
            body_timeout: self.timeouts.body(),
            passing_timeout: self.timeouts.passing(),
            collected: Budget::new(self.max_collected_bytes.unwrap_or(512 << 20)),
            draining: AtomicBool::new(false),
        });
        let timeouts = self.timeouts.clone();
        match self.serving(&shared).await {
            Ok((workers, address)) => {
                let (pipeline, plugins) = (Arc::clone(&shared.pipeline), shared.plugins.clone());
                let (stop, stopped) = channel::channel(false);
                let serving = tokio::spawn(async move {
                    let report = workers.supervise(shared, timeouts, stopped).await;
                    // No request is left that could have one more.
                    if let Some(sending) = sending {
                        sending.close().await;
                    }
                    report
                });
                let serving = Serving::Task(serving);
                let beside = JoinSet::new();
                Ok(Running {
                    address,
                    admin: None,
                    pipeline,
                    plugins,
                    beside,
                    stop,
                    serving,
                    metrics,
                    mock: None,
                })
            }
            Err(error) => {
                shared.close().await;
                Err(error)
            }
        }
    }

    /// Who sees requests end, and where that can be read.
    async fn observed(&mut self, pipeline: &Arc<Live>) -> Result<Observed, GatewayError> {
        let target = self.access_log.clone();
        let failed = |source| GatewayError::AccessLog { target, source };
        let log = AccessLog::open(&self.access_log).map_err(failed)?;
        let telemetry = self.telemetry.as_ref().map(Telemetry::start).transpose()?;
        let telemetry = telemetry.map(Telemetry::into_parts);
        let (tracer, spans, sending) = match telemetry {
            Some((tracer, counts, sending)) => (Some(tracer), Some(counts), Some(sending)),
            None => (None, None, None),
        };
        let counts = self.metrics.map(|_| Arc::new(Counts::default()));
        let metrics = match self.metrics.zip(counts.clone()) {
            Some((address, counts)) => {
                let pipeline = Arc::clone(pipeline);
                let plugins = Box::new(move || pipeline.now().status());
                let values = self.plugin_metrics.take();
                let sources = Sources { counts, plugins, values, spans };
                let listener = MetricsListener::start(address, sources).await;
                Some(listener.map_err(|source| GatewayError::Listen { address, source })?)
            }
            None => None,
        };
        let observer = Observer::new(counts, log, tracer.map(Spans::new));
        if let Some(observer) = &observer {
            let measured = |provider| -> Arc<dyn Provider> {
                Arc::new(Measured::new(provider, Arc::clone(observer)))
            };
            self.providers =
                std::mem::take(&mut self.providers).into_iter().map(measured).collect();
        }
        Ok((observer, metrics, sending))
    }

    async fn serving(self, shared: &Arc<Shared>) -> Result<(Workers, SocketAddr), GatewayError> {
        let threads = self
            .threads
            .or_else(|| std::thread::available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN);
        let (sockets, address, providers) =
            Self::listening(self.listen, threads, self.providers, self.default_provider)?;
        let providers = providers.with_fallbacks(self.fallbacks).forgiving(self.forgiving);
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

type Observed = (Option<Arc<Observer>>, Option<MetricsListener>, Option<Sending>);

/// The server's task, or what it left.
enum Serving {
    Task(JoinHandle<ShutdownReport>),
    Ended(ShutdownReport),
}

/// A gateway that serves. Dropped, it stops as by [`shutdown`](Self::shutdown), unattended.
pub struct Running {
    address: SocketAddr,
    admin: Option<SocketAddr>,
    pipeline: Arc<Live>,
    plugins: Option<Arc<Plugins>>,
    /// What goes on beside serving, and ends with this.
    beside: JoinSet<()>,
    stop: channel::Sender<bool>,
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
        self.pipeline.now().status()
    }

    /// Where operators are served, if they are.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// How the plugins of the configuration are doing, those among them that are not called, too.
    pub fn report(&self) -> Vec<PluginReport> {
        self.plugins.as_ref().map(|plugins| plugins.report()).unwrap_or_default()
    }

    /// Reads the configuration again and takes over what it says of plugins.
    ///
    /// # Errors
    ///
    /// When it cannot be used, or a plugin in it cannot be loaded: everything is as it was then.
    pub async fn reload(&self) -> Result<(), ReloadError> {
        match &self.plugins {
            Some(plugins) => plugins.reload().await,
            None => Err(ReloadError::NoFile),
        }
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
        // Nothing is loaded any more while all is ended.
        self.beside.shutdown().await;
        self.stop.send_replace(true);
        self.wait().await
    }
}
