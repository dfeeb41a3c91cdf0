//! What a gateway needs while it is hardened, of its command line and its configuration.

use plugbay_gateway::{AccessLogTarget, Config, KeySource, ProvidersConfig};

use super::Gateway;
use crate::harden::Places;
use crate::policy::AuditSettings;

impl Gateway {
    pub(super) fn places(&self, config: &Config, audit: &AuditSettings<'_>) -> Places {
        let mut places = self.backend.places_of_many();
        self.policy.places(&mut places, audit);
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
        of_providers(&config.providers, &mut places);
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
    }
}

/// Their keys and authorities, which are read once the program is hardened.
fn of_providers(providers: &ProvidersConfig, places: &mut Places) {
    for (_, provider) in providers.iter() {
        provider.ca_file.iter().for_each(|file| places.reads(file));
        for key in &provider.keys {
            if let KeySource::File(file) = &key.source {
                places.reads(file);
            }
        }
    }
}
