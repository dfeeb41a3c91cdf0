//! The values and signatures that cross the boundary, in no engine's terms.

use std::fmt;

/// The type of a WebAssembly value, as far as this contract cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// 32-bit integer; pointers and lengths are these.
    I32,
    /// 64-bit integer; packed results are these.
    I64,
    /// 32-bit float.
    F32,
    /// 64-bit float.
    F64,
    /// A vector or a reference: no export of the contract has one.
    Other,
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ValueType::I32 => "i32",
            ValueType::I64 => "i64",
            ValueType::F32 => "f32",
            ValueType::F64 => "f64",
            ValueType::Other => "other",
        })
    }
}

/// A WebAssembly number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// 32-bit integer.
    I32(i32),
    /// 64-bit integer.
    I64(i64),
    /// 32-bit float.
    F32(f32),
    /// 64-bit float.
    F64(f64),
}

impl Value {
    /// A pointer or a length: WebAssembly has no unsigned type, so the bits are kept.
    pub fn from_u32(bits: u32) -> Self {
        Value::I32(bits.cast_signed())
    }

    /// The value's type.
    pub fn ty(self) -> ValueType {
        match self {
            Value::I32(_) => ValueType::I32,
            Value::I64(_) => ValueType::I64,
            Value::F32(_) => ValueType::F32,
            Value::F64(_) => ValueType::F64,
        }
    }
}

/// Parameter and result types of a function.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FuncType {
    /// Parameters, in order.
    pub params: Vec<ValueType>,
    /// Results, in order.
    pub results: Vec<ValueType>,
}

impl FuncType {
    /// A signature from slices.
    pub fn new(params: &[ValueType], results: &[ValueType]) -> Self {
        Self { params: params.to_vec(), results: results.to_vec() }
    }
}

impl fmt::Display for FuncType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list(f: &mut fmt::Formatter<'_>, types: &[ValueType]) -> fmt::Result {
            f.write_str("(")?;
            for (index, ty) in types.iter().enumerate() {
                if index > 0 {
                    f.write_str(", ")?;
                }
                write!(f, "{ty}")?;
            }
            f.write_str(")")
        }
        list(f, &self.params)?;
        f.write_str(" -> ")?;
        match self.results.as_slice() {
            [single] => write!(f, "{single}"),
            results => list(f, results),
        }
    }
}

/// A function that a module exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The export's name.
    pub name: String,
    /// Its signature.
    pub ty: FuncType,
}

/// Which function export: its place in the module's list of [`Export`]s.
///
/// Names are resolved once, when a module is loaded; a call then costs no look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExportId(pub usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_read_as_in_the_documentation() {
        use ValueType::*;
        assert_eq!(FuncType::new(&[I32, I32], &[I64]).to_string(), "(i32, i32) -> i64");
        assert_eq!(FuncType::new(&[], &[]).to_string(), "() -> ()");
    }
}
