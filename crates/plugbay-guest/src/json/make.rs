//! Values from Rust's own types, and the macro that writes them as JSON has them.

use super::write::push_number;
use super::{Map, Number, Value};

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        let mut text = String::new();
        push_number(&mut text, number);
        Self::Number(Number::of(&text))
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        let mut text = if number < 0 { "-".to_owned() } else { String::new() };
        push_number(&mut text, number.unsigned_abs());
        Self::Number(Number::of(&text))
    }
}

macro_rules! whole_numbers {
    ($wide:ty: $($kind:ty)*) => {
        $(impl From<$kind> for Value {
            fn from(number: $kind) -> Self {
                // None of them is wider.
                Self::from(number as $wide)
            }
        })*
    };
}

whole_numbers!(u64: u8 u16 u32 usize);
whole_numbers!(i64: i8 i16 i32 isize);

/// What is no number becomes `null`.
impl From<f64> for Value {
    fn from(number: f64) -> Self {
        if number.is_finite() { Self::Number(Number::of(&number.to_string())) } else { Self::Null }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::String(text.clone())
    }
}

impl From<&Value> for Value {
    fn from(value: &Value) -> Self {
        value.clone()
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Self::Object(map)
    }
}

/// `None` becomes `null`.
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(items: [T; N]) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

/// A [`Value`](crate::json::Value), written as JSON with expressions in it.
///
/// ```
/// use plugbay_guest::json;
///
/// let count = 3;
/// let value = json!({ "count": count, "list": [1, "two", null, { "three": count + 1 }] });
/// assert_eq!(value.to_string(), r#"{"count":3,"list":[1,"two",null,{"three":4}]}"#);
/// ```
#[macro_export]
macro_rules! json {
    // Items of a list: what is read already, and the rest.
    (@list [$($done:expr,)*]) => { $crate::json::Value::Array(::std::vec![$($done),*]) };
    (@list [$($done:expr,)*] null $(, $($rest:tt)*)?) => {
        $crate::json!(@list [$($done,)* $crate::json!(null),] $($($rest)*)?)
    };
    (@list [$($done:expr,)*] [$($inner:tt)*] $(, $($rest:tt)*)?) => {
        $crate::json!(@list [$($done,)* $crate::json!([$($inner)*]),] $($($rest)*)?)
    };
    (@list [$($done:expr,)*] {$($inner:tt)*} $(, $($rest:tt)*)?) => {
        $crate::json!(@list [$($done,)* $crate::json!({$($inner)*}),] $($($rest)*)?)
    };
    (@list [$($done:expr,)*] $item:expr $(, $($rest:tt)*)?) => {
        $crate::json!(@list [$($done,)* $crate::json::Value::from($item),] $($($rest)*)?)
    };
    // Fields of an object.
    (@map $map:ident) => {};
    (@map $map:ident $name:literal : null $(, $($rest:tt)*)?) => {
        $map.set($name, $crate::json!(null));
        $crate::json!(@map $map $($($rest)*)?);
    };
    (@map $map:ident $name:literal : [$($inner:tt)*] $(, $($rest:tt)*)?) => {
        $map.set($name, $crate::json!([$($inner)*]));
        $crate::json!(@map $map $($($rest)*)?);
    };
    (@map $map:ident $name:literal : {$($inner:tt)*} $(, $($rest:tt)*)?) => {
        $map.set($name, $crate::json!({$($inner)*}));
        $crate::json!(@map $map $($($rest)*)?);
    };
    (@map $map:ident $name:literal : $value:expr $(, $($rest:tt)*)?) => {
        $map.set($name, $crate::json::Value::from($value));
        $crate::json!(@map $map $($($rest)*)?);
    };
    (null) => { $crate::json::Value::Null };
    ([$($items:tt)*]) => { $crate::json!(@list [] $($items)*) };
    ({$($fields:tt)*}) => {{
        #[allow(unused_mut, reason = "it may have no fields")]
        let mut map = $crate::json::Map::new();
        $crate::json!(@map map $($fields)*);
        $crate::json::Value::Object(map)
    }};
    ($value:expr) => { $crate::json::Value::from($value) };
}
