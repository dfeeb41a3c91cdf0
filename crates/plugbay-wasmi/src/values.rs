//! Types and values between the seam and wasmi.

use plugbay_runtime::abi::{FuncType, Value, ValueType};
use wasmi::{F32, F64, Val, ValType};

pub(crate) fn func_type(ty: &wasmi::FuncType) -> FuncType {
    FuncType {
        params: ty.params().iter().map(value_type).collect(),
        results: ty.results().iter().map(value_type).collect(),
    }
}

fn value_type(ty: &ValType) -> ValueType {
    match ty {
        ValType::I32 => ValueType::I32,
        ValType::I64 => ValueType::I64,
        ValType::F32 => ValueType::F32,
        ValType::F64 => ValueType::F64,
        ValType::V128 | ValType::FuncRef | ValType::ExternRef => ValueType::Other,
    }
}

/// A signature of numbers, as WASI's all are.
pub(crate) fn engine_type(ty: &FuncType) -> wasmi::FuncType {
    let engines = |types: &[ValueType]| -> Vec<ValType> {
        types.iter().copied().map(engine_value_type).collect()
    };
    wasmi::FuncType::new(engines(&ty.params), engines(&ty.results))
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
        Value::F32(value) => Val::F32(F32::from_bits(value.to_bits())),
        Value::F64(value) => Val::F64(F64::from_bits(value.to_bits())),
    }
}

/// `None` for vectors and references.
pub(crate) fn from_engine(value: &Val) -> Option<Value> {
    match value {
        Val::I32(value) => Some(Value::I32(*value)),
        Val::I64(value) => Some(Value::I64(*value)),
        Val::F32(value) => Some(Value::F32(f32::from_bits(value.to_bits()))),
        Val::F64(value) => Some(Value::F64(f64::from_bits(value.to_bits()))),
        Val::V128(_) | Val::FuncRef(_) | Val::ExternRef(_) => None,
    }
}
