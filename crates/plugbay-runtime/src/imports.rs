//! What a module may import at all, before any host is asked.

use plugbay_abi::{Value, ValueType};

use crate::backend::{Import, WASI_MODULE};
use crate::error::InstantiateError;
use crate::trap::TrapKind;
use crate::wait::HostResult;
use crate::wasi;

impl Import {
    /// Holds what a host function answered against the result type of this import.
    ///
    /// # Errors
    ///
    /// [`TrapKind::Host`], which names the function, when it is something else.
    pub fn accept(&self, reply: Option<Value>) -> HostResult {
        let wanted = self.ty.results.first().copied();
        let found = reply.map(Value::ty);
        if found == wanted {
            return Ok(reply);
        }
        let name = |ty: Option<ValueType>| ty.map_or("nothing".to_owned(), |ty| ty.to_string());
        let Import { module, field, .. } = self;
        let (found, wanted) = (name(found), name(wanted));
        let message = format!("host function `{module}.{field}` answered {found}, wanted {wanted}");
        Err(TrapKind::Host { message })
    }
}

/// Holds the function imports of a module against what can be offered to it.
///
/// For backends, which all answer the same then: WASI's functions must exist and have
/// WASI's signatures; any other may have any signature that [`Value`](plugbay_abi::Value)s
/// can express, as long as it is always the same one.
///
/// # Errors
///
/// The first import that cannot be offered.
pub fn check_imports(imports: &[Import]) -> Result<(), InstantiateError> {
    for (index, import) in imports.iter().enumerate() {
        let Import { module, field, ty } = import.clone();
        let offered = if module == WASI_MODULE {
            wasi::signature(&field)
        } else {
            let numbers = |types: &[ValueType]| !types.contains(&ValueType::Other);
            let same = |earlier: &&Import| earlier.module == module && earlier.field == field;
            let first = imports.iter().take(index).find(same).map(|earlier| earlier.ty.clone());
            let callable = numbers(&ty.params) && numbers(&ty.results) && ty.results.len() <= 1;
            callable.then(|| first.unwrap_or_else(|| ty.clone()))
        };
        match offered {
            None => return Err(InstantiateError::UnknownImport { module, field }),
            Some(offered) if offered == ty => {}
            Some(offered) => {
                return Err(InstantiateError::ImportSignature {
                    module,
                    field,
                    found: Box::new(ty),
                    offered: Box::new(offered),
                });
            }
        }
    }
    Ok(())
}
