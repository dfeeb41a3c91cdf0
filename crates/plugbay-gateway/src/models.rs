//! `GET /v1/models`: the models of all providers.

use bytes::Bytes;
use futures_util::future::join_all;
use http::Response;
use plugbay::abi::json::RawObject;
use serde::Serialize;

use crate::api_error;
use crate::provider::{Provider, Registry};

#[derive(Serialize)]
struct List {
    object: &'static str,
    data: Vec<RawObject>,
}

/// The list. A provider that cannot give its own is left out, and the log says why.
pub(crate) async fn list(providers: &Registry) -> Response<Bytes> {
    let lists = join_all(providers.iter().map(|provider| of(&**provider))).await;
    let list = List { object: "list", data: lists.into_iter().flatten().collect() };
    // A list of objects can always be written.
    api_error::json(200, serde_json::to_vec(&list).unwrap_or_default())
}

async fn of(provider: &dyn Provider) -> Vec<RawObject> {
    let mut models = match provider.models().await {
        Ok(models) => models,
        Err(error) => {
            tracing::warn!(%error, "a provider's models are not listed");
            return Vec::new();
        }
    };
    for model in &mut models {
        if let Ok(Some(id)) = model.get::<String>("id") {
            // Text can always be written.
            drop(model.set("id", &format!("{}/{id}", provider.name())));
        }
    }
    models
}
