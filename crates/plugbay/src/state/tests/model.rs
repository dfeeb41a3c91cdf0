//! Any calls in any order, held against a map in memory.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Call {
    Get(Vec<u8>),
    Set(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
    /// What is taken for the old value: the present one, or this.
    Swap(Vec<u8>, Option<Option<Vec<u8>>>, Option<Vec<u8>>),
    Restart,
}

fn call() -> impl Strategy<Value = Call> {
    let key = || vec(0..3_u8, 0..3);
    let value = || prop_oneof![4 => vec(any::<u8>(), 0..60), 1 => vec(any::<u8>(), 0..6_000)];
    prop_oneof![
        3 => key().prop_map(Call::Get),
        6 => (key(), value()).prop_map(|(key, value)| Call::Set(key, value)),
        2 => key().prop_map(Call::Delete),
        3 => (key(), proptest::option::of(proptest::option::of(value())), proptest::option::of(value()))
            .prop_map(|(key, old, new)| Call::Swap(key, old, new)),
        1 => Just(Call::Restart),
    ]
}

/// A state as it is described: no file, and each sum made anew.
#[derive(Default)]
struct Model {
    values: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Model {
    fn bytes(&self) -> u64 {
        self.values.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum()
    }

    /// The class of the error, or what was there.
    fn put(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
        limits: StateLimits,
    ) -> Result<Option<Vec<u8>>, &'static str> {
        let mut next = Self { values: self.values.clone() };
        let before = match value {
            Some(value) => next.values.insert(key.to_vec(), value.to_vec()),
            None => next.values.remove(key),
        };
        let is_more = next.bytes() > self.bytes() || next.values.len() > self.values.len();
        let fits =
            next.bytes() <= limits.quota_bytes && next.values.len() as u64 <= limits.max_keys;
        if is_more && !fits {
            return Err("too_large");
        }
        *self = next;
        Ok(before)
    }
}

fn told<T>(result: Result<T, StateError>) -> Result<T, &'static str> {
    result.map_err(|error| error.class())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn it_is_a_map_with_a_quota(calls in vec(call(), 1..40)) {
        let limits = StateLimits { quota_bytes: 4_000, max_keys: 6 };
        let folder = Folder::new();
        let (mut store, mut model) = (Some(folder.store()), Model::default());
        for call in calls {
            let state = store.as_ref().unwrap();
            match &call {
                Call::Get(key) | Call::Set(key, _) | Call::Delete(key) | Call::Swap(key, ..)
                    if key.is_empty() =>
                {
                    prop_assert_eq!(told(state.get(key)), Err("invalid"));
                    prop_assert_eq!(told(state.set(key, b"", limits)), Err("invalid"));
                }
                Call::Get(key) => {
                    prop_assert_eq!(told(state.get(key)), Ok(model.values.get(key).cloned()));
                }
                Call::Set(key, value) => {
                    let wanted = model.put(key, Some(value), limits).map(drop);
                    prop_assert_eq!(told(state.set(key, value, limits)), wanted);
                }
                Call::Delete(key) => {
                    let wanted = model.put(key, None, limits).map(|before| before.is_some());
                    prop_assert_eq!(told(state.delete(key)), wanted);
                }
                Call::Swap(key, old, new) => {
                    let present = model.values.get(key).cloned();
                    let old = old.clone().unwrap_or_else(|| present.clone());
                    let wanted = if old == present {
                        model.put(key, new.as_deref(), limits).map(|_| Swapped::Done)
                    } else {
                        Ok(Swapped::Other(present))
                    };
                    prop_assert_eq!(
                        told(state.swap(key, old.as_deref(), new.as_deref(), limits)),
                        wanted
                    );
                }
                Call::Restart => {
                    drop(store.take());
                    store = Some(folder.store());
                }
            }
            let state = store.as_ref().unwrap();
            prop_assert_eq!(usage(state), (model.bytes(), model.values.len() as u64));
        }
        let state = store.unwrap();
        for (key, value) in &model.values {
            let found = state.get(key).unwrap();
            prop_assert_eq!(found.as_ref(), Some(value));
        }
    }
}
