//! Types and values between the seam and wasmtime.

use plugbay_runtime::abi::{FuncType, Value, ValueType};
use wasmtime::{Engine, Val, ValType};

pub(crate) fn func_type(ty: &wasmtime::FuncType) -> FuncType {
    FuncType {
        params: ty.params().map(|ty| value_type(&ty)).collect(),
        results: ty.results().map(|ty| value_type(&ty)).collect(),
    }
}

fn value_type(ty: &ValType) -> ValueType {
    match ty {
        ValType::I32 => ValueType::I32,
        ValType::I64 => ValueType::I64,
        ValType::F32 => ValueType::F32,
        ValType::F64 => ValueType::F64,
        ValType::V128 | ValType::Ref(_) => ValueType::Other,
    }
}

/// A signature of numbers, as WASI's all are.
pub(crate) fn engine_type(engine: &Engine, ty: &FuncType) -> wasmtime::FuncType {
    let engines = |types: &[ValueType]| -> Vec<ValType> {
        types.iter().copied().map(engine_value_type).collect()
    };
    wasmtime::FuncType::new(engine, engines(&ty.params), engines(&ty.results))
}

fn engine_value_type(ty: ValueType) -> ValType {
    match ty {
        ValueType::I32 => ValType::I32,
        ValueType::I64 => ValType::I64,
        ValueType::F32 => ValType::F32,
        ValueType::F64 => ValType::F64,
        ValueType::Other => ValType::V128,
    }
}

pub(crate) fn to_engine(value: Value) -> Val {
    match value {
        Value::I32(value) => Val::I32(value),
        Value::I64(value) => Val::I64(value),
        Value::F32(value) => Val::from(value),
        Value::F64(value) => Val::from(value),
    }
}

/// `None` for vectors and references.
pub(crate) fn from_engine(value: &Val) -> Option<Value> {
    match value {
        Val::I32(value) => Some(Value::I32(*value)),
        Val::I64(value) => Some(Value::I64(*value)),
        Val::F32(bits) => Some(Value::F32(f32::from_bits(*bits))),
        Val::F64(bits) => Some(Value::F64(f64::from_bits(*bits))),
        _ => None,
    }
}
